//! Where calls go. A token is sent to the ARM endpoint of its cloud, and nowhere else.

use acs_core::azure::error::{AzureError, Fate};
use url::Url;

use crate::azure::cloud::Cloud;
use crate::azure::unanswered;

/// Longest URL of an operation. ARM's contract says 4 KB; recorded ones have 3 KB.
const LONGEST_URL: usize = 16 * 1024;

/// URL of a resource or an action.
pub fn resource_url(cloud: &Cloud, path: &str, api_version: &str) -> Result<Url, AzureError> {
    let plain = path.starts_with('/') && !path.contains(['?', '#', '\\', '%']) && !path.contains("//");
    // Dots would climb to another resource than the one that was decided on.
    if !plain || path.split('/').any(|segment| segment == "." || segment == "..") {
        let message = format!("\"{path}\" is not the path of a resource");
        return Err(unanswered("InvalidPath", &message, Fate::NotApplied));
    }
    let mut url = cloud.arm_endpoint.clone();
    url.set_path(path);
    url.query_pairs_mut().append_pair("api-version", api_version);
    Ok(url)
}

/// A URL that Azure named, if it is on the ARM endpoint. It is signed, so it is used to the letter, with two exceptions that
/// mean the same to a server: `:443`, which some providers add, goes, and `'` in a query becomes `%27`.
pub fn trusted_url(cloud: &Cloud, text: &str) -> Result<Url, AzureError> {
    let untrusted =
        |why: String| unanswered("UntrustedUrl", &format!("{why}: no token was sent there"), Fate::NotApplied);
    if text.len() > LONGEST_URL {
        return Err(untrusted(format!("Azure named a URL longer than {LONGEST_URL} bytes")));
    }
    let Ok(url) = Url::parse(text) else { return Err(untrusted("Azure named something that is no URL".to_owned())) };
    let bare = url.username().is_empty() && url.password().is_none();
    if bare && url.origin().is_tuple() && url.origin() == cloud.arm_endpoint.origin() {
        Ok(url)
    } else {
        let host = url.host_str().unwrap_or("no host");
        Err(untrusted(format!("Azure named a URL on {host}, which is not the ARM endpoint of cloud {}", cloud.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud() -> Cloud {
        Cloud::new("Public", "https://management.azure.com", "https://login.microsoftonline.com", "a").unwrap()
    }

    #[test]
    fn only_the_arm_endpoint_gets_a_token() {
        for (url, fine) in [
            ("https://management.azure.com/x?t=1", true),
            ("https://management.azure.com:443/x", true),
            ("https://MANAGEMENT.azure.com/x", true),
            ("https://management.azure.com:8443/x", false),
            ("http://management.azure.com/x", false),
            ("https://management.azure.com.evil.example/x", false),
            ("https://management.azure.com@evil.example/x", false),
            ("https://u@management.azure.com/x", false),
            ("https://evil.example/?https://management.azure.com", false),
            ("//management.azure.com/x", false),
            ("/x", false),
            ("data:x", false),
            ("", false),
        ] {
            let result = trusted_url(&cloud(), url);
            assert_eq!(result.is_ok(), fine, "{url}");
            if let Err(error) = result {
                assert_eq!((error.code.as_str(), error.fate), ("UntrustedUrl", Fate::NotApplied));
            }
        }
        assert!(trusted_url(&cloud(), &format!("https://management.azure.com/{}", "a".repeat(20_000))).is_err());
    }

    #[test]
    fn a_signed_url_stays_as_it_is_to_the_letter() {
        let signed = format!(
            "https://management.azure.com/subscriptions/S/providers/Microsoft.Communication/locations/WESTUS2/operationStatuses/\
             0a1b*{}?api-version=2023-03-31&t=638%2B1&c=MII-_.~!$()*+,;:@/&s=a%2Fb%3D&h=x=",
            "F0".repeat(32)
        );
        assert_eq!(trusted_url(&cloud(), &signed).unwrap().as_str(), signed);
    }

    #[test]
    fn paths_lead_to_what_was_decided_on() {
        let url = resource_url(&cloud(), "/subscriptions/s/resourceGroups/r g/x", "2025-01-01").unwrap();
        assert_eq!(
            url.as_str(),
            "https://management.azure.com/subscriptions/s/resourceGroups/r%20g/x?api-version=2025-01-01"
        );
        for path in ["", "x", "//evil.example/x", "/a/../b", "/a/./b", "/a?b", "/a#b", "/a\\b", "/a/%2e%2e/b"] {
            assert_eq!(resource_url(&cloud(), path, "v").unwrap_err().code, "InvalidPath", "{path}");
        }
    }
}
