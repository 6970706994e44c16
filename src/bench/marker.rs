//! The marker in the data of each publication, and the search for it.
//!
//! It is found by its prefix at any place, so no JSON is parsed, and neither the order of keys nor the number of messages
//! in a frame or response matters.

use memchr::memmem::Finder;

/// The prefix of a marker. JSON does not escape it.
const START: &[u8] = b"~bench";
/// After the prefix: the numbers of the publisher and the publication, and the due time, in hexadecimal.
const PUBLISHER: usize = START.len();
const SEQUENCE: usize = PUBLISHER + 4;
const DUE: usize = SEQUENCE + 8;

/// The length of a marker, which is the minimum length of the data of a publication.
pub(super) const LENGTH: usize = DUE + 12;

/// The publisher, the number and the due time of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    /// The number of the publisher, at most 65,535.
    pub(super) publisher: u32,
    /// The number of the publication, from 0 for each publisher.
    pub(super) sequence: u32,
    /// The due time, in microseconds since the start of the load.
    pub(super) due: u64,
}

impl Marker {
    /// Writes the marker to the front of `data`, which has room for it.
    pub(super) fn write(self, data: &mut [u8]) {
        data[..PUBLISHER].copy_from_slice(START);
        write_hex(&mut data[PUBLISHER..SEQUENCE], self.publisher.into());
        write_hex(&mut data[SEQUENCE..DUE], self.sequence.into());
        write_hex(&mut data[DUE..LENGTH], self.due);
    }

    fn read(data: &[u8]) -> Option<Self> {
        let data = data.get(..LENGTH)?;
        Some(Self {
            publisher: read_hex(&data[PUBLISHER..SEQUENCE])? as u32,
            sequence: read_hex(&data[SEQUENCE..DUE])? as u32,
            due: read_hex(&data[DUE..])?,
        })
    }
}

fn write_hex(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

fn read_hex(digits: &[u8]) -> Option<u64> {
    let mut number = 0;
    for digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u64::from(value);
    }
    Some(number)
}

/// Finds markers, and replies to connects between them.
pub(super) struct Scanner {
    marker: Finder<'static>,
    connect: Finder<'static>,
    payload: usize,
}

impl Scanner {
    /// Creates a scanner for publications with data of `payload` bytes.
    pub(super) fn new(payload: usize) -> Self {
        Self {
            marker: Finder::new(START),
            connect: Finder::new(b"/meta/connect"),
            payload: payload.max(LENGTH),
        }
    }

    /// Calls `found` with each marker in order. Returns whether the text may contain a reply to a connect.
    #[inline]
    pub(super) fn scan(&self, mut text: &[u8], mut found: impl FnMut(Marker)) -> bool {
        let mut is_connect = false;
        while let Some(at) = self.marker.find(text) {
            is_connect = is_connect || self.connect.find(&text[..at]).is_some();
            match Marker::read(&text[at..]) {
                Some(marker) => {
                    found(marker);
                    text = text.get(at + self.payload..).unwrap_or_default();
                }
                None => text = &text[at + START.len()..],
            }
        }
        is_connect || self.connect.find(text).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_wherever_they_stand() {
        let markers = [
            Marker { publisher: 0, sequence: 0, due: 0 },
            Marker { publisher: 0xffff, sequence: u32::MAX, due: (1 << 48) - 1 },
        ];
        let mut data = [[b'.'; 40]; 2];
        for (marker, data) in markers.iter().zip(&mut data) {
            marker.write(data);
        }
        let [first, second] = data.map(|data| String::from_utf8(data.to_vec()).unwrap());
        let scanner = Scanner::new(40);
        for (text, connect) in [
            (format!(r#"[{{"data":"{first}","channel":"/a"}},{{"channel":"/a","data":"{second}"}}]"#), false),
            (format!(r#"{{"channel":"/meta/connect"}}{first}{second}"#), true),
            (format!(r#"{first}{{"channel":"/meta/connect"}}{second}"#), true),
            (format!(r#"{first}~bench?{second}{{"channel":"/meta/connect"}}"#), true),
        ] {
            let mut found = Vec::new();
            assert_eq!(scanner.scan(text.as_bytes(), |marker| found.push(marker)), connect, "{text}");
            assert_eq!(found, markers, "{text}");
        }
        assert!(!scanner.scan(b"[{\"channel\":\"/a\",\"data\":\"~benc", |_| panic!("there is none")));
    }
}
