//! Content as stored: compressed, if that saves much space. This module must not know tables.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::error::{Result, StoreError};

/// Minimum bytes for compression.
const SHORTEST: usize = 1024;
/// Bytes that are compressed and decompressed on the thread of the caller.
const INLINE: usize = 32 * 1024;

/// Bytes as stored.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    pub(super) bytes: Bytes,
    pub(super) is_packed: bool,
}

impl Packed {
    /// Compresses bytes for the store, if that saves much space.
    pub(super) async fn new(body: &Bytes) -> Self {
        let plain = || Self { bytes: body.clone(), is_packed: false };
        if body.len() < SHORTEST {
            return plain();
        }
        let compressed = on_a_thread(body.clone(), compress).await;
        let smaller = compressed.filter(|bytes| bytes.len() < body.len() / 4 * 3);
        smaller.map_or_else(plain, |bytes| Self { bytes, is_packed: true })
    }

    /// Returns the original bytes.
    pub(super) async fn unpack(self) -> Result<Bytes> {
        if !self.is_packed {
            return Ok(self.bytes);
        }
        let unpacked = on_a_thread(self.bytes, decompress).await;
        unpacked.ok_or_else(|| StoreError::Unavailable("stored content cannot be decompressed".to_owned()))
    }
}

/// Runs a function on bytes, on a blocking thread if they are long.
async fn on_a_thread(bytes: Bytes, work: fn(&[u8]) -> std::io::Result<Vec<u8>>) -> Option<Bytes> {
    let done = if bytes.len() < INLINE {
        work(&bytes)
    } else {
        tokio::task::spawn_blocking(move || work(&bytes)).await.ok()?
    };
    done.ok().map(Bytes::from)
}

fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The bytes are of this store, and at most `hub.topic_size` before.
fn decompress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    ZlibDecoder::new(bytes).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}
