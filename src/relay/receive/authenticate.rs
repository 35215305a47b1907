//! Who may deliver: the delivery key, in constant time.

use acs_wire::relay::{DELIVERY_HEADER, delivery_key_fingerprint};
use http::HeaderMap;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::Outcome;

/// A delivery key that is valid. Only its digest is kept, so that length and content take the same time to compare.
#[derive(Clone)]
pub struct DeliveryKey {
    /// Name of its file: `current` or `next`.
    pub name: &'static str,
    digest: [u8; 32],
    /// What the report says of it.
    pub fingerprint: String,
}

impl DeliveryKey {
    /// Takes a key.
    pub fn new(name: &'static str, key: &str) -> Self {
        Self { name, digest: Sha256::digest(key.as_bytes()).into(), fingerprint: delivery_key_fingerprint(key) }
    }
}

/// What a request shows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// One valid key.
    Key,
    /// No key at all.
    Absent,
}

/// Looks at the header. Every valid key is compared, whichever matches first.
///
/// # Errors
/// When there is a key that is not valid. More than one is as good as none: Event Grid never sends two.
pub fn authenticate(headers: &HeaderMap, keys: &[DeliveryKey]) -> Result<Proof, Outcome> {
    let mut shown = headers.get_all(DELIVERY_HEADER).iter();
    let Some(key) = shown.next() else { return Ok(Proof::Absent) };
    if shown.next().is_some() {
        return Err(Outcome::NoKey);
    }
    let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    let matches = keys.iter().fold(Choice::from(0), |found, key| found | key.digest.ct_eq(&digest));
    if bool::from(matches) { Ok(Proof::Key) } else { Err(Outcome::WrongKey) }
}
