//! The wire forms of a publication: a WebSocket frame, plain or compressed, and an event of an EventSource stream.

use bytes::Bytes;

use crate::bayeux::Publication;
use crate::transport::websocket::{deflate, encoder};

/// The form in which a connection gets publications. A publication is encoded once a form, for all connections.
#[derive(Clone, Copy)]
pub(super) enum WireForm {
    /// A text frame of a WebSocket.
    Frame,
    /// A compressed text frame; a plain one if the message is short or compression does not shorten it.
    Compressed {
        level: u32,
        /// The shortest message that is compressed, in bytes.
        threshold: usize,
    },
    /// An event of an EventSource stream.
    Event,
}

impl WireForm {
    /// Returns the publication in this form.
    pub(super) fn of(self, publication: &Publication) -> &Bytes {
        match self {
            Self::Frame => publication.frame(encoder::text_frame),
            Self::Compressed { level, threshold } => {
                let is_long = publication.array().len() >= threshold;
                let compressed = if is_long {
                    publication.compressed(|array| deflate::deflate_frame(array, level))
                } else {
                    None
                };
                compressed.unwrap_or_else(|| publication.frame(encoder::text_frame))
            }
            Self::Event => publication.event(event),
        }
    }
}

/// Encodes an event (HTML, section 9.2). A line break between JSON tokens would end the event and becomes a space; JSON
/// strings contain no line breaks.
fn event(array: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(array.len() + 10);
    event.extend_from_slice(b"data: ");
    event.extend(array.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
    event.extend_from_slice(b"\r\n\r\n");
    event.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        assert_eq!(event(b"[{\"data\":\n[1,\r\n2]}]"), &b"data: [{\"data\": [1,  2]}]\r\n\r\n"[..]);
    }
}
