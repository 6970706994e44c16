//! Gives the client's script, which is embedded in the binary, its date: what the server sends as `Last-Modified`.
//!
//! A browser that has an older script sends the date of it back, so the date has to grow from version to version, and
//! has to be the same for all copies of a build.

use std::error::Error;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

const FOLDER: &str = "client-js/dist";

/// No script is older than the project: 1 January 2026. The files of a package that cargo unpacked all have one date,
/// of the year 2006, in each version.
const EARLIEST: u64 = 1_767_225_600;

/// The end of the year 9999, behind which `Last-Modified` cannot be written.
const LATEST: u64 = 253_402_300_799;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed={FOLDER}");
    println!("cargo::rustc-env=FAYE_SCRIPT_DATE={}", date()?);
    Ok(())
}

/// In seconds since 1970: the date that a reproducible build is told; else of the newest of the files, if it can be;
/// else of this build.
fn date() -> Result<u64, Box<dyn Error>> {
    if let Ok(told) = std::env::var("SOURCE_DATE_EPOCH") {
        let seconds = told.parse().ok().filter(|seconds| *seconds <= LATEST);
        return seconds
            .ok_or_else(|| format!("SOURCE_DATE_EPOCH is {told:?}: set it to seconds since 1970").into());
    }
    let mut newest = 0;
    for entry in fs::read_dir(FOLDER).map_err(|error| format!("{FOLDER}: {error}"))? {
        newest = newest.max(seconds(entry?.metadata()?.modified()?)?);
    }
    Ok(if (EARLIEST..=LATEST).contains(&newest) { newest } else { seconds(SystemTime::now())? })
}

fn seconds(time: SystemTime) -> Result<u64, Box<dyn Error>> {
    Ok(time.duration_since(UNIX_EPOCH)?.as_secs())
}
