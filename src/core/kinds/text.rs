//! Strings with bounds: one type per meaning, so that a limit is written once and reaches the CRD, `kubectl explain` and the code.

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $min:literal ..= $max:literal, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "minLength": $min, "maxLength": $max, "pattern": $pattern})
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text!(
    /// A subscription, tenant or client id.
    Guid, 36..=36, "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
);
text!(
    /// Name of an object in the same namespace.
    ObjectName, 1..=63, "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
);
text!(
    /// Key inside a Secret.
    SecretKey, 1..=253, "^[-._a-zA-Z0-9]+$"
);
text!(
    /// Name of an Azure resource group: ARM allows 1-90 characters; a trailing dot is refused by ARM itself.
    ResourceGroupName, 1..=90, "^[-\\w._()]+$"
);
text!(
    /// Name of a Communication Services resource: letters, digits and hyphens, globally unique as part of a host name.
    ServiceAzureName, 1..=63, "^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"
);
text!(
    /// Name of a Notification Hubs namespace: 6-50 characters, globally unique (the documented rule, tighter than the API's).
    HubNamespaceAzureName, 6..=50, "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])$"
);
text!(
    /// Name of a Notification Hub. The API would allow a slash, which would break every URL made from it.
    HubAzureName, 1..=260, "^[a-zA-Z0-9][-a-zA-Z0-9._]*$"
);
text!(
    /// Name of an event subscription.
    SubscriptionAzureName, 3..=64, "^[-a-zA-Z0-9]+$"
);
text!(
    /// Name of a system topic.
    TopicAzureName, 3..=128, "^[-a-zA-Z0-9]+$"
);
text!(
    /// Name of an access policy (authorization rule).
    PolicyName, 1..=256, "^[-a-zA-Z0-9._]+$"
);
text!(
    /// Azure region, as in `westeurope`.
    Region, 3..=40, "^[a-z0-9]+$"
);
text!(
    /// Id of a resource in Azure Resource Manager.
    ArmIdText, 20..=1024, "^/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[^/?#%]+/providers/[^/?#%]+(/[^/?#%]+)+$"
);
text!(
    /// Full name of an event type, as in `Microsoft.Communication.SMSReceived`. Unknown ones are allowed: Azure adds new ones.
    EventType, 3..=256, "^[A-Za-z0-9]+(\\.[A-Za-z0-9]+)+$"
);
text!(
    /// The ten characters of an Apple key or team id.
    AppleId, 10..=10, "^[A-Z0-9]{10}$"
);
text!(
    /// Bundle id of an app.
    BundleId, 1..=155, "^[-A-Za-z0-9.]+$"
);
text!(
    /// Prefix or suffix of an event's subject; no wildcards.
    SubjectPart, 0..=512, "^.*$"
);
text!(
    /// What an advanced filter looks at: a member of the envelope, or of `data`. No name in it may hold a dot (documented).
    EventKey, 2..=512, "^(id|topic|source|subject|eventType|type|dataVersion|specversion|data(\\.[^.]+)*)$"
);
text!(
    /// A string that an advanced filter compares with.
    FilterText, 0..=512, "^[^\\x00]*$"
);
text!(
    /// An https URL. It may hold a secret in its query: then put it into a Secret.
    HttpsUrl, 9..=2048, "^https://[^\\s#@]+$"
);
text!(
    /// URL of a relay: https, without query, fragment or user; event subscriptions are named below it.
    RelayUrl, 9..=1024, "^https://[^\\s/?#@]+(/[^\\s?#]*)?$"
);
text!(
    /// A host name, without wildcard.
    HostName, 1..=253, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
);
text!(
    /// One label of a DNS name: names of Services, Kubernetes namespaces, routes.
    DnsLabel, 1..=63, "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
);
text!(
    /// Path of a URL, without query.
    HttpPath, 1..=1024, "^/[^\\s?#]*$"
);
text!(
    /// A CEL expression.
    Expression, 1..=1024, "^[^\\x00]+$"
);
text!(
    /// An amount of CPU, memory or the like, as in a container.
    Quantity, 1..=32, "^[0-9]+(\\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi)?$"
);
text!(
    /// Name of a storage queue.
    QueueName, 3..=63, "^[a-z0-9](-?[a-z0-9])*$"
);
text!(
    /// Name of a blob container.
    ContainerName, 3..=63, "^[a-z0-9](-?[a-z0-9])*$"
);
text!(
    /// Name of a header, or of a property of a message.
    AttributeName, 1..=256, "^[-!#$%&'*+.^_|~0-9A-Za-z]+$"
);
text!(
    /// Value of a header: 4096 bytes (documented), of those that a header may have.
    AttributeValue, 1..=4096, "^[\\x20-\\x7e]+$"
);
text!(
    /// An application of Microsoft Entra ID: its client id, or its application id URI.
    EntraApplication, 1..=512, "^[^\\s]+$"
);
text!(
    /// Name of a cloud in the operator's configuration.
    CloudName, 1..=63, "^[A-Za-z][-A-Za-z0-9]*$"
);
text!(
    /// Value of an Azure tag.
    TagValue, 0..=256, "^.*$"
);
