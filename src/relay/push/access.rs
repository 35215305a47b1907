//! Access policy of a hub: its connection string, taken apart.

use secrecy::SecretString;

/// Longest name or key.
const MAX_PART: usize = 256;

/// What may send to a hub.
#[derive(Clone, Debug)]
pub struct Access {
    /// Host of the namespace, in lower case.
    pub host: String,
    /// Name of the hub.
    pub hub: String,
    /// Name of the policy.
    pub key_name: String,
    /// Its key, as it stands: it looks like base64 but is not decoded.
    pub key: SecretString,
}

impl Access {
    /// Reads `Endpoint=sb://{ns}.servicebus.windows.net/;SharedAccessKeyName=…;SharedAccessKey=…`.
    ///
    /// # Errors
    /// Says what is missing, never what is there.
    pub fn parse(connection_string: &str, hub: &str) -> Result<Self, String> {
        let part = |wanted: &str| {
            let parts = connection_string.trim().split(';').filter_map(|part| part.split_once('='));
            let mut found = parts.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
            match (found.next(), found.next()) {
                (Some(value), None) if !value.is_empty() && value.len() <= MAX_PART => Ok(value),
                (Some(_), Some(_)) => Err(format!("connectionString names {wanted} twice")),
                (Some(_), None) => Err(format!("connectionString: {wanted} is empty or longer than {MAX_PART} bytes")),
                (None, _) => Err(format!("connectionString names no {wanted}")),
            }
        };
        let endpoint = part("Endpoint")?;
        let host = endpoint.strip_prefix("sb://").unwrap_or_default().trim_end_matches('/').to_ascii_lowercase();
        let is_host = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == ':';
        if host.is_empty() || !host.chars().all(is_host) {
            return Err("connectionString: Endpoint is not sb://{namespace}.servicebus.windows.net/".to_owned());
        }
        let hub = hub.trim();
        let in_name = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if hub.is_empty() || hub.len() > MAX_PART || !hub.chars().all(in_name) {
            return Err("hubName is no name of a hub".to_owned());
        }
        let (key_name, key) = (part("SharedAccessKeyName")?.to_owned(), part("SharedAccessKey")?.to_owned().into());
        Ok(Self { host, hub: hub.to_owned(), key_name, key })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_key_ends_with_its_equals_signs_and_is_not_confused_with_its_name() {
        let text = "Endpoint=sb://Contoso-NS.servicebus.windows.net/;SharedAccessKeyName=Send;SharedAccessKey=abc+/=";
        let access = Access::parse(text, "hub\n").unwrap();
        assert_eq!((access.host.as_str(), access.hub.as_str()), ("contoso-ns.servicebus.windows.net", "hub"));
        assert_eq!((access.key_name.as_str(), access.key.expose_secret()), ("Send", "abc+/="));
        let turned = "SharedAccessKey=k==;SharedAccessKeyName=n;Endpoint=sb://h/;EntityPath=x";
        assert_eq!(Access::parse(turned, "hub").unwrap().key.expose_secret(), "k==");
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_is() {
        for (text, hub, wanted) in [
            ("", "h", "no Endpoint"),
            ("Endpoint=https://x/;SharedAccessKeyName=n;SharedAccessKey=s3cr3t", "h", "not sb://"),
            ("Endpoint=sb://x/;SharedAccessKey=s3cr3t", "h", "no SharedAccessKeyName"),
            ("Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=", "h", "SharedAccessKey is empty"),
            ("Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=s3cr3t;SharedAccessKey=b", "h", "twice"),
            ("Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=s3cr3t", "a b", "hubName"),
        ] {
            let why = Access::parse(text, hub).unwrap_err();
            assert!(why.contains(wanted) && !why.contains("s3cr3t"), "{why}");
        }
    }
}
