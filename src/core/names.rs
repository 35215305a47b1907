//! Who owns what, under which name, and how secrets are remembered without being kept.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::kinds::{Kind, Object, ObjectRef};

/// Owner of an Azure resource, as it stands in the owner tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `<clusterId>/<namespace>/<Kind>/<name>`.
    pub path: String,
    /// uid of the object; differs after a restore, so it is never what ownership rests on.
    pub uid: String,
}

impl Owner {
    /// The owner that this object is, in that cluster.
    pub fn of(cluster_id: &str, object: &Object) -> Self {
        Self { path: owner_path(cluster_id, &object.object_ref()), uid: object.uid().to_owned() }
    }
}

/// The owner tag of an object.
pub fn owner_path(cluster_id: &str, object: &ObjectRef) -> String {
    format!("{cluster_id}/{}/{}/{}", object.namespace, object.kind, object.name)
}

/// Azure name of an object that sets none: `<name>-<8 hex of a hash of the owner>`. The hash leaves out the uid, so that the
/// same YAML in a rebuilt cluster finds what it made; it takes in the cluster id, so that two clusters do not meet.
pub fn default_azure_name(owner_path: &str, kind: Kind, name: &str) -> String {
    let (longest, must_start_with_letter) = match kind {
        Kind::NotificationHubNamespace => (50, true),
        Kind::CommunicationService => (63, false),
        Kind::EventSubscription => (64, false),
        _ => (80, false),
    };
    let mut base: String = name.chars().map(|c| if c == '.' { '-' } else { c }).collect();
    if must_start_with_letter && !base.starts_with(|c: char| c.is_ascii_alphabetic()) {
        base.insert_str(0, "ns-");
    }
    base.truncate(longest - 9);
    format!("{}-{}", base.trim_end_matches('-'), short_hash(owner_path))
}

/// Name of the Secret that keeps an assertion for a namespace that is going away.
pub fn assertion_secret(account: &str) -> String {
    format!("acs-operator-assertion-{account}")
}

/// Name of the Secret with the keys that Event Grid sends to a relay.
pub fn delivery_secret(relay: &str) -> String {
    format!("{relay}-delivery")
}

/// Name of the Secret with which a relay pushes.
pub fn push_secret(relay: &str) -> String {
    format!("{relay}-push")
}

/// Name of everything else that is made for a relay.
pub fn relay_child(relay: &str) -> String {
    format!("{relay}-relay")
}

/// First 8 hex digits of a SHA-256.
pub fn short_hash(text: &str) -> String {
    let mut hex = hex(&Sha256::digest(text.as_bytes()));
    hex.truncate(8);
    hex
}

/// Remembers a value that may hold secrets: HMAC-SHA256 under the object's identity, so that equal keys of two objects do not
/// look equal. That is no secret, so a hash can be searched for what is easily guessed: keys that are made, by us or by Azure, have
/// 128 bits or more; a secret attribute has at least 16 characters; for the query of a webhook's URL its owner has to care.
pub fn fingerprint(owner: &Owner, parts: &[&str]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(owner.path.as_bytes()) else { return String::new() };
    for part in parts {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part.as_bytes());
    }
    let mut hex = hex(&mac.finalize().into_bytes());
    hex.truncate(32);
    hex
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_owner_gets_the_same_name_and_another_cluster_another() {
        let one = default_azure_name("c1/shop/CommunicationService/shop", Kind::CommunicationService, "shop");
        assert_eq!(one, default_azure_name("c1/shop/CommunicationService/shop", Kind::CommunicationService, "shop"));
        assert_ne!(one, default_azure_name("c2/shop/CommunicationService/shop", Kind::CommunicationService, "shop"));
        assert!(one.starts_with("shop-") && one.len() == 13);
    }

    #[test]
    fn a_namespace_name_starts_with_a_letter_and_fits_into_fifty() {
        let name = default_azure_name("o", Kind::NotificationHubNamespace, &"9".repeat(41));
        assert!(name.len() <= 50 && name.starts_with("ns-9"), "{name}");
    }

    #[test]
    fn parts_of_a_fingerprint_do_not_run_into_each_other() {
        let owner = Owner { path: "o".into(), uid: String::new() };
        assert_ne!(fingerprint(&owner, &["ab", "c"]), fingerprint(&owner, &["a", "bc"]));
    }
}
