//! Shared access signatures: who signed, and for what.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::percent_decode_str;
use sha2::Sha256;

use super::super::message::Request;
use super::super::path;
use super::super::world::World;
use super::answer::Refused;

/// A token taken apart. `resource` is as received: that is what was signed.
struct Token<'a> {
    resource: &'a str,
    signature: Vec<u8>,
    expiry: &'a str,
    rule: String,
}

impl<'a> Token<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let (scheme, fields) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("SharedAccessSignature") {
            return None;
        }
        let field = |name: &str| fields.trim().split('&').filter_map(|f| f.split_once('=')).find(|(n, _)| *n == name);
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|t| t.into_owned());
        Some(Self {
            resource: field("sr")?.1,
            signature: STANDARD.decode(decoded(field("sig")?.1)?).ok()?,
            expiry: field("se")?.1,
            rule: decoded(field("skn")?.1)?,
        })
    }

    /// The key is text: it looks like base64 and is not decoded.
    fn signed_by(&self, key: &str) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return false };
        mac.update(self.resource.as_bytes());
        mac.update(b"\n");
        mac.update(self.expiry.as_bytes());
        mac.verify_slice(&self.signature).is_ok()
    }

    /// Whether the signed resource is the request's or lies above it: without regard to case and scheme, segment by segment.
    fn covers(&self, host: &str, request: &Request) -> bool {
        let Ok(resource) = percent_decode_str(self.resource).decode_utf8() else { return false };
        let resource = resource.to_lowercase();
        let resource = resource.split_once("://").map_or(resource.as_str(), |(_, rest)| rest);
        let (signed, signed_query) = resource.split_once('?').unwrap_or((resource, ""));
        let (signed_host, signed_path) = signed.split_once('/').unwrap_or((signed, ""));
        if signed_host.split(':').next() != Some(host) {
            return false;
        }
        let requested = request.path.split('?').next().unwrap_or_default().to_lowercase();
        let mut segments = requested.split('/').filter(|s| !s.is_empty());
        signed_path.split('/').filter(|s| !s.is_empty()).all(|s| segments.next() == Some(s))
            && request.query().to_lowercase().starts_with(signed_query)
    }
}

/// The hub's access policy that signed this request.
pub(super) fn signer(world: &World, request: &Request, host: &str, hub: &str, now: u64) -> Result<String, Refused> {
    let refused = |detail: &str| Err(Refused::new(401, detail));
    let Some(header) = request.header("authorization") else {
        return refused("MissingToken: the Authorization header is missing.");
    };
    let Some(token) = Token::parse(header) else {
        return refused(
            "MalformedToken: the Authorization header holds no SharedAccessSignature with sr, sig, se and skn.",
        );
    };
    let Ok(expiry) = token.expiry.parse::<u64>() else {
        return refused("MalformedToken: 'se' is no time in unix seconds.");
    };
    if expiry.saturating_mul(1000) <= now {
        return refused("ExpiredToken: the token has expired.");
    }
    if !token.covers(host, request) {
        return refused("InvalidAudience: the token was not made for this resource.");
    }
    // Policies of the namespace cannot send, and are not looked at.
    let key = format!("{hub}/authorizationrules/{}", token.rule.to_ascii_lowercase());
    let rule = world.resources.get(&key);
    let keys = rule.and_then(|r| r.keys());
    match (rule, keys) {
        (Some(rule), Some(keys)) if token.signed_by(&keys.primary) || token.signed_by(&keys.secondary) => {
            Ok(path::leaf(rule.id()).to_owned())
        }
        // One answer for both: which policies there are is nobody's business.
        _ => refused("InvalidSignature: the token has an invalid signature."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "c2VjcmV0LWtleS1mb3ItdGVzdHMtb25seQ==";
    const LOWER: &str = "SharedAccessSignature sr=https%3a%2f%2fcontoso-ns.servicebus.windows.net%2fmyhub%2fmessages%2f\
                         &sig=H5IthBfncrgK6tWncR%2F%2FjKE30JbFMIEw%2FejPQOfBTqo%3D&se=1767225600\
                         &skn=DefaultSendSharedAccessSignature";
    const UPPER: &str = "SharedAccessSignature sr=https%3A%2F%2Fcontoso-ns.servicebus.windows.net%2Fmyhub%2Fmessages%2F\
                         &sig=dblsE1qBFd29%2FRZNXpbeBtKV7P2XMXp1OPQr4UNgYxA%3D&se=1767225600\
                         &skn=DefaultSendSharedAccessSignature";

    #[test]
    fn both_spellings_of_the_encoding_verify_over_what_was_received() {
        for header in [LOWER, UPPER] {
            let token = Token::parse(header).expect("a token");
            assert!(token.signed_by(KEY));
            assert!(!token.signed_by("c2VjcmV0"));
            assert_eq!(token.rule, "DefaultSendSharedAccessSignature");
        }
        let mixed = LOWER.replace("%2fmyhub", "%2Fmyhub");
        assert!(!Token::parse(&mixed).expect("a token").signed_by(KEY), "another text than the one that was signed");
        let lowered = LOWER.to_lowercase();
        assert!(Token::parse(&lowered).is_none_or(|t| !t.signed_by(KEY)), "a signature has a case");
    }

    #[test]
    fn a_token_covers_its_resource_and_what_lies_beneath() {
        let request = |path: &str| Request { path: path.into(), ..Request::default() };
        let host = "contoso-ns.servicebus.windows.net";
        let covers = |resource: &str, path: &str| {
            Token { resource, signature: vec![], expiry: "", rule: String::new() }.covers(host, &request(path))
        };
        let hub = "http%3a%2f%2fContoso-NS.servicebus.windows.net%2fmyhub";
        assert!(covers(hub, "/MyHub/messages/?direct&api-version=2015-04"));
        assert!(covers(hub, "/MyHub/messages?api-version=2020-06&direct"));
        assert!(!covers(hub, "/MyHub2/messages"), "not by letters: by segments");
        assert!(!covers("https%3a%2f%2fother.servicebus.windows.net%2fmyhub", "/myhub/messages"));
        assert!(covers("sb%3a%2f%2fcontoso-ns.servicebus.windows.net%3a443", "/myhub/messages"));
        assert!(covers("https%3a%2f%2fcontoso-ns.servicebus.windows.net%2fmyhub%2fmessages%2f", "/myhub/messages"));
        let full = "https%3a%2f%2fcontoso-ns.servicebus.windows.net%2fmyhub%2fmessages%3fapi-version%3d2015-04";
        assert!(covers(full, "/myhub/messages?api-version=2015-04&direct"));
        assert!(!covers(full, "/myhub/messages?api-version=2020-06&direct"));
        assert!(!covers(&format!("{hub}%2fmessages%2f1"), "/myhub/messages"));
    }
}
