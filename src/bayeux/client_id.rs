//! The identifier of a session. It is a bearer secret: any client with it can act for the session, so it is never
//! printed completely.

use std::fmt;

/// Length of an identifier in characters.
pub const LENGTH: usize = 31;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// 160 random bits as 31 characters `[0-9a-z]`, the shape of Faye's identifiers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId([u8; LENGTH]);

impl ClientId {
    /// Makes an identifier of 160 bits, which the caller draws from the system's generator.
    #[must_use]
    pub fn from_random(bits: [u8; 20]) -> Self {
        /// Digits of one division, and the divisor: 36 to that power.
        const AT_ONCE: usize = 5;
        const DIVISOR: u64 = 36_u64.pow(AT_ONCE as u32);
        let mut limbs = [0; 5];
        for (limb, bytes) in limbs.iter_mut().zip(bits.as_chunks::<4>().0) {
            *limb = u32::from_be_bytes(*bytes);
        }
        let mut text = [b'0'; LENGTH];
        // Long division of a 160-bit number, most significant part first.
        for places in text.rchunks_mut(AT_ONCE) {
            let mut remainder = 0;
            for limb in &mut limbs {
                let value = (remainder << 32) | u64::from(*limb);
                *limb = (value / DIVISOR) as u32;
                remainder = value % DIVISOR;
            }
            for place in places.iter_mut().rev() {
                *place = DIGITS[(remainder % 36) as usize];
                remainder /= 36;
            }
        }
        Self(text)
    }

    /// Reads an identifier; `None` if the text cannot be one of ours.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; LENGTH] = text.try_into().ok()?;
        text.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()).then_some(Self(text))
    }

    /// Returns the whole identifier, for the wire only.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the whole identifier, for the wire only.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The constructors admit ASCII only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Shows the first six characters: enough to follow a session in a log, and not enough to take it over.
impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", &self.as_str()[..6])
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_fayes_shape() {
        assert_eq!(ClientId::from_random([0; 20]).as_str(), "0".repeat(31));
        let largest = ClientId::from_random([255; 20]);
        assert_eq!(largest.as_str().len(), LENGTH);
        // 2^160 - 1 in base 36, computed independently.
        assert_eq!(largest.as_str(), "twj4yidkw7a8pn4g709kzmfoaol3x8f");
        let mut one = [0; 20];
        one[19] = 37;
        assert!(ClientId::from_random(one).as_str().ends_with("011"));
    }

    #[test]
    fn reads_back_what_it_wrote_and_nothing_else() {
        let id = ClientId::from_random(*b"abcdefghijklmnopqrst");
        assert_eq!(ClientId::parse(id.as_bytes()), Some(id));
        for bad in
            ["", "nope", "__proto__", "ABCDEFGHIJKLMNOPQRSTUVWXYZ01234", "0123456789012345678901234567890x"]
        {
            assert_eq!(ClientId::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn is_the_number_in_base_36() {
        let text = |bits: [u8; 20]| ClientId::from_random(bits).as_str().to_owned();
        let small = |number: u64| {
            let mut bits = [0; 20];
            bits[12..].copy_from_slice(&number.to_be_bytes());
            text(bits)
        };
        assert_eq!(small(0), "0".repeat(31));
        assert_eq!(small(35), format!("{}z", "0".repeat(30)));
        assert_eq!(small(36), format!("{}10", "0".repeat(29)));
        assert_eq!(small(60_466_176), format!("{}100000", "0".repeat(25)));
        // 2^64 - 1 and 2^160 - 1.
        assert_eq!(small(u64::MAX), format!("{}3w5e11264sgsf", "0".repeat(18)));
        assert_eq!(text([0xff; 20]), "twj4yidkw7a8pn4g709kzmfoaol3x8f");
    }

    #[test]
    fn never_prints_whole() {
        let id = ClientId::from_random([7; 20]);
        assert!(!format!("{id:?} {id}").contains(id.as_str()));
    }
}
