//! Ids in Azure Resource Manager. Azure changes their letter case at will, so they compare without it.

use std::fmt;

/// Id of a resource: a path without host and query.
#[derive(Clone, Debug)]
pub struct ArmId(String);

impl ArmId {
    /// A resource group.
    pub fn group(subscription: &str, group: &str) -> Self {
        Self(format!("/subscriptions/{}/resourceGroups/{}", segment(subscription), segment(group)))
    }

    /// A resource of a provider below this one: a group, or any resource that is extended.
    #[must_use]
    pub fn provider(&self, provider: &str, kind: &str, name: &str) -> Self {
        Self(format!("{}/providers/{provider}/{kind}/{}", self.0, segment(name)))
    }

    /// A child.
    #[must_use]
    pub fn child(&self, kind: &str, name: &str) -> Self {
        Self(format!("{}/{kind}/{}", self.0, segment(name)))
    }

    /// An id that Azure or a user wrote.
    pub fn given(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Last segment: the resource's own name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The subscription's id, if the path has one.
    pub fn subscription(&self) -> Option<&str> {
        let mut segments = self.0.split('/').skip(1);
        segments.next().filter(|word| word.eq_ignore_ascii_case("subscriptions"))?;
        segments.next()
    }
}

impl PartialEq for ArmId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ArmId {}

impl fmt::Display for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Keeps a name inside its own segment, whatever is in it. The schemas allow no such names; this is the second wall.
fn segment(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'(' | b')' => {
                text.push(byte as char)
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    if text.bytes().all(|byte| byte == b'.') { text.replace('.', "%2E") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_compare_without_letter_case() {
        let id = ArmId::group("S", "rg").provider("Microsoft.Communication", "communicationServices", "shop");
        assert_eq!(
            id,
            ArmId::given(
                "/subscriptions/s/resourcegroups/RG/providers/microsoft.communication/CommunicationServices/shop"
            )
        );
        assert_eq!(id.subscription(), Some("S"));
        assert_eq!(id.name(), "shop");
    }

    #[test]
    fn no_name_leaves_its_segment() {
        for name in ["../../x", "a/b", "a?api-version=1", "a#b", "a\r\nb", "%2e%2e", "..", "."] {
            let id = ArmId::group("s", name);
            let last = id.name();
            assert!(!last.contains(['?', '#', '\r', '\n']) && last != ".." && last != ".", "{name}: {id}");
            assert_eq!(id.as_str().matches('/').count(), 4, "{name}: {id}");
        }
    }
}
