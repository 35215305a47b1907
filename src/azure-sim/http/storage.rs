//! Storage accounts that exist for real: their connection strings, and the signatures that their keys make.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use url::Url;

use crate::model::{Outbound, StorageAccount};

/// Azurite's account, as Microsoft publishes it; `UseDevelopmentStorage=true` stands for it.
const DEVELOPMENT: &str = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;\
    AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;\
    BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1";

/// A storage account and its key.
#[derive(Clone, Debug)]
pub struct StorageAccess {
    account: StorageAccount,
    /// Base64, checked.
    key: SecretString,
}

impl StorageAccess {
    /// Reads a connection string as Azure's portal shows it: `AccountName` and `AccountKey`, and either endpoints or a suffix.
    ///
    /// # Errors
    /// Says what is missing or wrong, and nothing of the string's values.
    pub fn parse(connection_string: &str) -> Result<Self, String> {
        let parts = parts(connection_string)?;
        if parts.get("usedevelopmentstorage").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Self::parse(DEVELOPMENT);
        }
        let part =
            |name: &str| parts.get(name.to_ascii_lowercase().as_str()).copied().filter(|value| !value.is_empty());
        let required = |name: &str| part(name).ok_or_else(|| format!("a connection string needs {name}"));
        let name = required("AccountName")?;
        let shape = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !shape || !(3..=24).contains(&name.len()) {
            return Err("AccountName is not the name of a storage account: 3 to 24 small letters and digits".into());
        }
        let key = required("AccountKey")?;
        if !STANDARD.decode(key).is_ok_and(|key| !key.is_empty()) {
            return Err("AccountKey is not base64".into());
        }
        let endpoint = |service: &str| -> Result<String, String> {
            let given = part(&format!("{service}Endpoint")).map(str::to_owned);
            let url = given.unwrap_or_else(|| {
                let protocol = part("DefaultEndpointsProtocol").unwrap_or("https");
                let suffix = part("EndpointSuffix").unwrap_or("core.windows.net");
                format!("{protocol}://{name}.{}.{suffix}", service.to_ascii_lowercase())
            });
            let usable =
                |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none();
            if !Url::parse(&url).is_ok_and(|url| usable(&url)) {
                return Err(format!("{service}Endpoint is not an http or https URL"));
            }
            Ok(url.trim_end_matches('/').to_owned())
        };
        let account = StorageAccount {
            name: name.to_owned(),
            queue_endpoint: Some(endpoint("Queue")?),
            blob_endpoint: Some(endpoint("Blob")?),
        };
        Ok(Self { account, key: SecretString::from(key) })
    }

    /// What the model may know of it.
    pub fn account(&self) -> &StorageAccount {
        &self.account
    }

    /// Dates and signs a request by Shared Key (documented for version 2015-02-21 and later).
    pub(super) fn sign(&self, call: &mut Outbound, date: &str) -> Result<(), String> {
        call.headers.push(("x-ms-date".to_owned(), date.to_owned()));
        let text = string_to_sign(&self.account.name, call)?;
        let key =
            STANDARD.decode(self.key.expose_secret()).map_err(|_| "the account's key is not base64".to_owned())?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| "the account's key has no length".to_owned())?;
        mac.update(text.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        call.headers.push(("authorization".to_owned(), format!("SharedKey {}:{signature}", self.account.name)));
        Ok(())
    }
}

/// By name in lower case. A value may hold `=`: keys end with it.
fn parts(connection_string: &str) -> Result<BTreeMap<String, &str>, String> {
    connection_string
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim())))
        .collect::<Option<_>>()
        .ok_or_else(|| "a connection string is made of NAME=VALUE, with ; between them".to_owned())
}

/// Verb, eleven standard headers, the headers of the service, and the resource: one line each, in this order.
fn string_to_sign(account: &str, call: &Outbound) -> Result<String, String> {
    let header =
        |name: &str| call.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, v)| v.trim());
    // A body of no bytes has no length here.
    let length = if call.body.is_empty() { String::new() } else { call.body.len().to_string() };
    let mut lines =
        vec![call.method.clone(), header("content-encoding").to_owned(), header("content-language").to_owned()];
    lines.extend([length, header("content-md5").to_owned(), header("content-type").to_owned()]);
    // The date is in x-ms-date.
    lines.push(String::new());
    for name in ["if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range"] {
        lines.push(header(name).to_owned());
    }
    let mut own: Vec<(String, &str)> = call
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .collect();
    own.sort();
    lines.extend(own.iter().map(|(name, value)| format!("{name}:{value}")));
    lines.push(resource(account, &call.url)?);
    Ok(lines.join("\n"))
}

/// The account, the path as it is sent, and the query's names in order.
fn resource(account: &str, url: &str) -> Result<String, String> {
    let url = Url::parse(url).map_err(|_| "the address of a storage account is no URL".to_owned())?;
    let mut text = format!("/{account}{}", url.path());
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        query.entry(name.to_ascii_lowercase()).or_default().push(value.into_owned());
    }
    for (name, mut values) in query {
        values.sort();
        text.push_str(&format!("\n{name}:{}", values.join(",")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OutboundId;

    const KEY: &str = "c2VjcmV0LWtleS1mb3ItdGVzdHMtb25seQ==";

    fn call(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Outbound {
        Outbound {
            id: OutboundId(1),
            method: method.into(),
            url: url.into(),
            headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
            storage_account: Some("contoso".into()),
            timeout_ms: 1,
        }
    }

    fn refused(text: &str) -> String {
        let mistake = StorageAccess::parse(text).expect_err("a mistake");
        assert!(!mistake.contains("c2Vj"), "{mistake}");
        mistake
    }

    #[test]
    fn a_connection_string_names_the_account_and_its_endpoints() {
        let text = format!(
            "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey={KEY};EndpointSuffix=core.windows.net"
        );
        let access = StorageAccess::parse(&text).expect("an account");
        assert_eq!(access.account().queue_endpoint.as_deref(), Some("https://contoso.queue.core.windows.net"));
        assert_eq!(access.account().blob_endpoint.as_deref(), Some("https://contoso.blob.core.windows.net"));
        assert!(!format!("{access:?}").contains(KEY));
        let text = format!(
            "accountname=contoso;AccountKey={KEY};QueueEndpoint=http://127.0.0.1:1/contoso/;BlobEndpoint=http://h:2/contoso;"
        );
        let access = StorageAccess::parse(&text).expect("an account");
        assert_eq!(access.account().queue_endpoint.as_deref(), Some("http://127.0.0.1:1/contoso"));
        let development = StorageAccess::parse("UseDevelopmentStorage=true").expect("Azurite's");
        assert_eq!(development.account().name, "devstoreaccount1");
    }

    #[test]
    fn what_is_wrong_with_one_is_told_without_its_key() {
        assert!(refused("").contains("AccountName"));
        assert!(refused("AccountName=contoso").contains("AccountKey"));
        assert!(refused(&format!("AccountName=Not_One;AccountKey={KEY}")).contains("AccountName"));
        assert!(refused("AccountName=contoso;AccountKey=c2Vj!").contains("base64"));
        assert!(
            refused(&format!("AccountName=contoso;AccountKey={KEY};QueueEndpoint=ftp://x")).contains("QueueEndpoint")
        );
        assert!(refused(&format!("contoso;{KEY}")).contains("NAME=VALUE"));
    }

    #[test]
    fn the_string_to_sign_has_every_line_in_its_place() {
        let mut put = call(
            "PUT",
            "http://127.0.0.1:10000/contoso/lost/RELAY/2026/1/2/3/a.json?timeout=20&comp=block&Comp=a",
            &[("content-type", "application/json"), ("x-ms-version", "2021-12-02"), ("x-ms-blob-type", "BlockBlob")],
            "[]",
        );
        let access = StorageAccess::parse(&format!("AccountName=contoso;AccountKey={KEY}")).expect("an account");
        access.sign(&mut put, "Fri, 02 Jan 2026 03:04:05 GMT").expect("a signature");
        let expected = "PUT\n\n\n2\n\napplication/json\n\n\n\n\n\n\nx-ms-blob-type:BlockBlob\n\
            x-ms-date:Fri, 02 Jan 2026 03:04:05 GMT\nx-ms-version:2021-12-02\n\
            /contoso/contoso/lost/RELAY/2026/1/2/3/a.json\ncomp:a,block\ntimeout:20";
        assert_eq!(string_to_sign("contoso", &put).expect("a text"), expected);
        let (_, signature) = put.headers.last().expect("an authorization");
        assert_eq!(signature, "SharedKey contoso:SedqpZduayFlENT2fzYjhl4C3VEWHUAEVPvTJekLkvM=");
    }
}
