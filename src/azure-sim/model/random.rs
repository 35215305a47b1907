//! Every guid, key and suffix comes from here, so that a seed fixes a whole run.

use serde::{Deserialize, Serialize};

/// SplitMix64 (Steele, Lea, Flood 2014). Written out because its output must never change with a library's version:
/// a failing schedule is reported by its seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Random(u64);

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HEX: &[u8; 16] = b"0123456789abcdef";

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// What a name stands for: always the same. By FNV-1a (Fowler, Noll, Vo), whose output does not change either.
    pub(crate) fn named(name: &str) -> Self {
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// `bits_each` low bits choose each character; ten (or fewer) characters come from one draw.
    fn text(&mut self, alphabet: &[u8], bits_each: u32, length: usize) -> String {
        let mask = (1u64 << bits_each) - 1;
        let mut out = String::with_capacity(length);
        let (mut bits, mut left) = (0u64, 0u32);
        while out.len() < length {
            if left < bits_each {
                (bits, left) = (self.next(), 64);
            }
            let chosen = alphabet.get((bits & mask) as usize).copied().unwrap_or(b'A');
            out.push(char::from(chosen));
            bits >>= bits_each;
            left -= bits_each;
        }
        out
    }

    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.text(HEX, 4, length)
    }

    pub(crate) fn base64_url(&mut self, length: usize) -> String {
        self.text(BASE64_URL, 6, length)
    }

    pub(crate) fn guid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            ((low >> 48) & 0x3fff) | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }

    /// An access key of Communication Services: 64 bytes, 88 characters.
    pub(crate) fn service_key(&mut self) -> String {
        let mut key = self.text(BASE64, 6, 85);
        // 64 bytes leave two bits in the 86th character; only A, Q, g and w end with four zero bits.
        key.push(self.last(b"AQgw"));
        key.push_str("==");
        key
    }

    /// A key of a Notification Hubs rule: 32 bytes, 44 characters.
    pub(crate) fn rule_key(&mut self) -> String {
        let mut key = self.text(BASE64, 6, 42);
        key.push(self.last(b"AEIMQUYcgkosw048"));
        key.push('=');
        key
    }

    fn last(&mut self, alphabet: &[u8]) -> char {
        let at = self.next() as usize % alphabet.len().max(1);
        char::from(alphabet.get(at).copied().unwrap_or(b'A'))
    }
}
