//! Shared access signatures. What is signed and what stands in `sr` must be equal to the byte; the signature itself keeps its
//! case.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// What stays as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A token for a resource and everything below it, until `expiry` (seconds since 1970).
pub fn token(resource: &str, key_name: &str, key: &SecretString, expiry: i64) -> SecretString {
    let resource = resource.to_lowercase();
    let resource = utf8_percent_encode(&resource, ENCODED).to_string();
    // An HMAC takes keys of any length.
    let signature = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).map(|mut mac| {
        mac.update(format!("{resource}\n{expiry}").as_bytes());
        BASE64_STANDARD.encode(mac.finalize().into_bytes())
    });
    let signature = signature.unwrap_or_default();
    let signature = utf8_percent_encode(&signature, ENCODED);
    let key_name = utf8_percent_encode(key_name, ENCODED);
    format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={key_name}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_that_of_two_other_implementations() {
        let key = SecretString::from("c2VjcmV0LWtleS1mb3ItdGVzdHMtb25seQ==");
        let uri = "https://Contoso-NS.servicebus.windows.net/MyHub/messages/";
        let token = token(uri, "DefaultSendSharedAccessSignature", &key, 1_767_225_600);
        assert_eq!(
            token.expose_secret(),
            "SharedAccessSignature sr=https%3A%2F%2Fcontoso-ns.servicebus.windows.net%2Fmyhub%2Fmessages%2F\
             &sig=dblsE1qBFd29%2FRZNXpbeBtKV7P2XMXp1OPQr4UNgYxA%3D&se=1767225600&skn=DefaultSendSharedAccessSignature"
        );
    }
}
