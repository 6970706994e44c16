//! Sends files to a running server: entries of a feed, or a list of feeds.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use crate::cli::api::Client;
use crate::cli::{print, table, warn};

/// Bytes of a list of feeds, and of one request with lines of a longer file.
const PIECE: usize = 8 * 1024 * 1024;
/// Maximum bytes of another file with entries, which is sent in one request.
const WHOLE: usize = 64 * 1024 * 1024;

/// Adds the feeds of an OPML file.
pub(super) async fn list(client: &Client, file: &Path) -> anyhow::Result<()> {
    let bytes = read(file)?;
    if bytes.len() > PIECE {
        bail!("{} has more than 8 MiB; split it", file.display());
    }
    let result = client.upload("/feeds.opml", bytes).await?;
    let of = |key: &str| result[key].as_array().cloned().unwrap_or_default();
    let (added, skipped) = (of("added"), of("skipped"));
    for feed in &skipped {
        warn(format_args!("{}: {}", table::text(&feed["url"]), table::text(&feed["why"])));
    }
    for feed in &added {
        print(format_args!("{} {}", table::text(&feed["name"]), table::text(&feed["url"])))?;
    }
    print(format_args!("{} feeds are added, {} are left out", added.len(), skipped.len()))
}

/// Stores the entries of a file in a feed; `path` is the path of the action.
pub(super) async fn entries(client: &Client, path: &str, file: &Path) -> anyhow::Result<()> {
    let bytes = read(file)?;
    let pieces = pieces(&bytes, PIECE, WHOLE).with_context(|| {
        format!(
            "{} has more than 64 MiB; split it, or write one JSON object per line (of at most 8 MiB), of which any number \
             can be sent",
            file.display()
        )
    })?;
    let (mut created, mut updated, mut known) = (0, 0, 0);
    for piece in pieces {
        let result = client.upload(path, piece.to_vec()).await?;
        let of = |key: &str| result[key].as_u64().unwrap_or_default();
        created += of("created");
        updated += of("updated");
        known += of("known");
    }
    print(format_args!("{created} entries are new, {updated} have changed, {known} were known"))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Splits a file into requests. A file with one JSON object per line is split if it is longer than one request; other
/// files are sent `whole`. Returns `None` if a line or a whole file is too long.
fn pieces(bytes: &[u8], most: usize, whole: usize) -> Option<Vec<&[u8]>> {
    let one = || (bytes.len() <= whole).then(|| vec![bytes]);
    if bytes.len() <= most {
        return one();
    }
    let first = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let is_object = |line: &[u8]| serde_json::from_slice::<Map<String, Value>>(line).is_ok();
    if !first.is_some_and(is_object) {
        return one();
    }
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while rest.len() > most {
        let end = rest[..most].iter().rposition(|byte| *byte == b'\n')? + 1;
        let (piece, behind) = rest.split_at(end);
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.trim_ascii().is_empty());
    Some(pieces)
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_are_sent_in_pieces_and_other_files_whole() {
        let lines = b"{\"a\":1}\n{\"b\":22}\n{\"c\":3}\n\n";
        let pieces = |bytes, most| super::pieces(bytes, most, 20);
        assert_eq!(super::pieces(lines, 100, 100).unwrap(), [&lines[..]]);
        assert_eq!(pieces(lines, 18).unwrap(), [&b"{\"a\":1}\n{\"b\":22}\n"[..], b"{\"c\":3}\n\n"]);
        assert_eq!(pieces(lines, 10).unwrap().len(), 3);
        assert_eq!(pieces(lines, 10).unwrap().concat(), lines);
        assert_eq!(pieces(lines, 7), None, "a line is longer than a piece");
        let feed = b"<feed>\n</feed>\n";
        assert_eq!(pieces(feed, 5).unwrap(), [&feed[..]], "it cannot be cut");
        assert_eq!(pieces(b"<feed>\n<title/></feed>\n", 5), None);
    }
}
