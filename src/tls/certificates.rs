//! The certificate of the server, and its reload from the files: certificate and key change together, so a half-written
//! pair has no effect.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::TlsError;
use super::pair::Pair;
use crate::metrics::Metrics;

/// The interval at which the files are checked.
pub const POLL: Duration = Duration::from_secs(2);

/// The certificate of the files, and the state of the files when they were read.
#[derive(Debug)]
pub struct Certificates {
    pair: Pair,
    current: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Seen>,
    metrics: Metrics,
}

/// The result of the last check.
#[derive(Debug)]
struct Seen {
    stamps: [Option<Stamp>; 2],
    is_good: bool,
}

/// Identifies a version of a file: its times in nanoseconds, size, inode and device. Any write or replacement
/// changes it.
type Stamp = (i128, i128, u64, u64, u64);

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] if they are not good.
    pub(super) fn read(pair: Pair, metrics: Metrics) -> Result<Self, TlsError> {
        let stamps = stamps(&pair);
        let current = RwLock::new(Arc::new(pair.read()?));
        Ok(Self { pair, current, seen: Mutex::new(Seen { stamps, is_good: true }), metrics })
    }

    /// Reads the files again; new connections use the new certificate. Invalid files are logged and counted, and the
    /// current certificate stays in use. Returns `true` if the files are valid. Blocks on the disk.
    pub fn reload(&self) -> bool {
        self.look(true)
    }

    /// Reloads the files if they have changed. Call it once every [`POLL`].
    pub fn poll(&self) -> bool {
        self.look(false)
    }

    fn look(&self, is_asked: bool) -> bool {
        let mut seen = self.seen.lock();
        // Before reading: a concurrent write is detected by the next check.
        let stamps = stamps(&self.pair);
        let is_news = is_asked || stamps != seen.stamps;
        // Invalid files are read each time, since two changes within one clock tick look the same.
        if !is_news && seen.is_good {
            return true;
        }
        let read = self.pair.read();
        seen.stamps = stamps;
        seen.is_good = read.is_ok();
        match read {
            Ok(fresh) => {
                *self.current.write() = Arc::new(fresh);
                self.metrics.certificate_reloads.inc();
                tracing::info!(certificate = %self.pair.certificate.display(), "certificate reloaded");
            }
            Err(error) if is_news => {
                self.metrics.certificate_failures.inc();
                tracing::error!(%error, "cannot reload the certificate; keeping the current one");
            }
            Err(_) => {}
        }
        seen.is_good
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read()))
    }
}

fn stamps(pair: &Pair) -> [Option<Stamp>; 2] {
    [stamp(&pair.certificate), stamp(&pair.key)]
}

fn stamp(file: &Path) -> Option<Stamp> {
    let data = std::fs::metadata(file).ok()?;
    let time = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    let (modified, changed) = (time(data.mtime(), data.mtime_nsec()), time(data.ctime(), data.ctime_nsec()));
    Some((modified, changed, data.size(), data.ino(), data.dev()))
}
