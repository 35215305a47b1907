//! Notification Hubs: namespace, hub, access policies, push credentials.

use serde_json::{Map, Value, json};

use super::NOTIFICATION_HUBS_API;
use super::call::{Access, Body};
use super::communication::tags_field;
use super::descriptor::{Compare, Descriptor, Field, Mark, Update};
use super::id::ArmId;
use crate::kinds::common::Tags;
use crate::kinds::hub::{ApnsEndpoint, ApnsToken, Right};
use crate::kinds::namespace::Sku;
use crate::names::Owner;

/// Id of a namespace.
pub fn namespace_id(group: &ArmId, name: &str) -> ArmId {
    group.provider("Microsoft.NotificationHubs", "namespaces", name)
}

/// Id of a hub.
pub fn hub_id(namespace: &ArmId, name: &str) -> ArmId {
    namespace.child("notificationHubs", name)
}

/// A namespace; ready about 25 s after the PUT (recorded).
pub fn namespace(access: &Access, id: ArmId, owner: &Owner, location: &str, sku: Sku, tags: &Tags) -> Descriptor {
    Descriptor {
        step: "Namespace".to_owned(),
        words: "Notification Hubs namespace",
        access: access.clone(),
        id,
        api_version: NOTIFICATION_HUBS_API,
        base: json!({"properties": {}}),
        fields: vec![
            Field { path: "/location", want: json!(location), compare: Compare::Region, mutable: false },
            Field { path: "/sku/name", want: json!(sku.name()), compare: Compare::IgnoreCase, mutable: true },
            tags_field(tags),
        ],
        update: Update::Patch,
        mark: Mark::Tags,
        owner: owner.clone(),
        typical: 25_000,
        unseen: None,
    }
}

/// A hub. Its credentials are a step of their own: Azure never shows them.
pub fn hub(access: &Access, id: ArmId, owner: &Owner, location: &str, tags: &Tags) -> Descriptor {
    Descriptor {
        step: "Hub".to_owned(),
        words: "Notification Hub",
        access: access.clone(),
        id,
        api_version: NOTIFICATION_HUBS_API,
        base: json!({"properties": {}}),
        fields: vec![
            Field { path: "/location", want: json!(location), compare: Compare::Region, mutable: false },
            tags_field(tags),
        ],
        update: Update::Patch,
        mark: Mark::Tags,
        owner: owner.clone(),
        typical: 0,
        unseen: None,
    }
}

/// An access policy of a hub.
pub fn policy(access: &Access, hub: &ArmId, owner: &Owner, name: &str, rights: &[Right]) -> Descriptor {
    let mut rights: Vec<&Right> = rights.iter().collect();
    rights.sort_unstable();
    Descriptor {
        step: format!("Policy/{name}"),
        words: "access policy",
        access: access.clone(),
        id: hub.child("authorizationRules", name),
        api_version: NOTIFICATION_HUBS_API,
        base: json!({"properties": {}}),
        fields: vec![Field { path: "/properties/rights", want: json!(rights), compare: Compare::Set, mutable: true }],
        update: Update::Put,
        mark: Mark::Inherited,
        owner: owner.clone(),
        typical: 0,
        unseen: None,
    }
}

/// PATCH body that sets push credentials. Each is wrapped once more in `properties`. `None` leaves a credential alone.
pub fn credentials_body(apns: Option<(&ApnsToken, &str)>, fcm: Option<&FcmKey>) -> Value {
    let mut properties = Map::new();
    if let Some((token, key)) = apns {
        let endpoint = match token.endpoint {
            ApnsEndpoint::Production => "https://api.push.apple.com:443/3/device",
            ApnsEndpoint::Sandbox => "https://api.development.push.apple.com:443/3/device",
        };
        let fields = json!({"endpoint": endpoint, "token": key, "keyId": token.key_id.0,
                            "appId": token.team_id.0, "appName": token.bundle_id.0});
        properties.insert("apnsCredential".to_owned(), json!({"properties": fields}));
    }
    if let Some(fcm) = fcm {
        let fields =
            json!({"clientEmail": fcm.client_email, "privateKey": fcm.private_key, "projectId": fcm.project_id});
        properties.insert("fcmV1Credential".to_owned(), json!({"properties": fields}));
    }
    json!({"properties": properties})
}

/// The three members of a Google service account that Azure wants.
#[derive(Clone)]
pub struct FcmKey {
    /// `client_email`.
    pub client_email: String,
    /// `private_key`, a PEM text.
    pub private_key: String,
    /// `project_id`.
    pub project_id: String,
}

/// Reads Google's JSON file. An error is one sentence without any of the content.
///
/// # Errors
/// When it is not JSON, lacks a member, or holds no PEM key.
pub fn fcm_key(json: &str) -> Result<FcmKey, String> {
    let value: Value = serde_json::from_str(json)
        .map_err(|error| format!("it is not JSON (line {}, column {})", error.line(), error.column()))?;
    let member = |name: &str| {
        let text = value.get(name).and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() { Err(format!("it has no `{name}`")) } else { Ok(text.to_owned()) }
    };
    let key = FcmKey {
        client_email: member("client_email")?,
        private_key: member("private_key")?,
        project_id: member("project_id")?,
    };
    if !key.private_key.contains("-----BEGIN PRIVATE KEY-----") {
        return Err("its `private_key` is not a PEM text".to_owned());
    }
    Ok(key)
}

/// Reads Apple's .p8 file. Azure takes the base64 text between the PEM lines. An error is one sentence without any of the content.
///
/// # Errors
/// When it is not a PKCS#8 PEM text.
pub fn apns_key(pem: &str) -> Result<String, String> {
    use base64::Engine;
    let body = pem
        .trim()
        .strip_prefix("-----BEGIN PRIVATE KEY-----")
        .and_then(|rest| rest.strip_suffix("-----END PRIVATE KEY-----"))
        .ok_or("it does not begin with \"-----BEGIN PRIVATE KEY-----\" and end with \"-----END PRIVATE KEY-----\"")?;
    let text: String = body.split_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD.decode(&text).map_err(|_| "its body is not base64")?;
    // A P-256 PKCS#8 key is 121-150 bytes and starts with a DER sequence.
    if der.first() != Some(&0x30) || der.len() < 60 || der.len() > 400 {
        return Err("its body is not a PKCS#8 key".to_owned());
    }
    Ok(text)
}

/// What `listKeys` tells. No Debug: it holds keys.
pub struct Keys {
    /// `sb://…/`. Other clouds have other suffixes, so it is taken from Azure's answer.
    endpoint: String,
    /// First key.
    pub primary: String,
    /// Second key.
    pub secondary: String,
}

impl Keys {
    /// Connection string with one of the keys. Built, not taken: Azure's own may end in `;EntityPath=`, and whether a link
    /// likes that is not known.
    pub fn connection_string(&self, policy: &str, key: &str) -> String {
        format!("Endpoint={};SharedAccessKeyName={policy};SharedAccessKey={key}", self.endpoint)
    }
}

/// Reads an answer of `listKeys` for a policy of that hub; `None` if a key is missing.
pub fn keys(hub: &ArmId, body: &Body) -> Option<Keys> {
    let (primary, secondary) = (body.text("/primaryKey"), body.text("/secondaryKey"));
    if primary.is_empty() || secondary.is_empty() {
        return None;
    }
    // Never split at `=`: keys end in it.
    let mut parts = body.text("/primaryConnectionString").split(';');
    let endpoint = parts.find_map(|part| part.strip_prefix("Endpoint=")).map_or_else(
        || {
            let namespace = hub.as_str().split('/').nth(8).unwrap_or_default();
            format!("sb://{namespace}.servicebus.windows.net/")
        },
        str::to_owned,
    );
    Some(Keys { endpoint, primary: primary.to_owned(), secondary: secondary.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_string_names_the_host_that_azure_names_and_no_entity() {
        let hub = ArmId::given(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.NotificationHubs/namespaces/n/notificationHubs/h",
        );
        let answer = json!({"primaryKey": "a=", "secondaryKey": "b=",
            "primaryConnectionString": "Endpoint=sb://n.servicebus.chinacloudapi.cn/;SharedAccessKeyName=p;SharedAccessKey=a=;EntityPath=h"});
        let read = keys(&hub, &Body(answer)).unwrap();
        let text = read.connection_string("p", &read.secondary);
        assert_eq!(text, "Endpoint=sb://n.servicebus.chinacloudapi.cn/;SharedAccessKeyName=p;SharedAccessKey=b=");
        assert!(keys(&hub, &Body(json!({"primaryKey": "a="}))).is_none());
    }

    #[test]
    fn a_malformed_key_is_refused_without_being_quoted() {
        for bad in ["", "hello-canary", "-----BEGIN PRIVATE KEY-----\n!!canary!!\n-----END PRIVATE KEY-----"] {
            let error = apns_key(bad).unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
        for bad in ["{", "{}", r#"{"client_email":"canary","private_key":"canary","project_id":"p"}"#] {
            let error = fcm_key(bad).err().unwrap();
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
