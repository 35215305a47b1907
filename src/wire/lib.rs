//! Words that several programs share. Serde and a digest only: no client, no clock.

pub mod event_types;
pub mod filter;
pub mod relay;

/// API group of every kind.
pub const GROUP: &str = "acs-operator.dev";
/// The one served version.
pub const VERSION: &str = "v1alpha1";
/// Held by every object that has, or may have, something in Azure; and by the account and the credential Secret it needs for deletion.
pub const FINALIZER: &str = "acs-operator.dev/azure";
/// The Azure name chosen for an object, recorded before the first write so that a rebuilt cluster finds its resources.
pub const ANNOTATION_AZURE_NAME: &str = "acs-operator.dev/azure-name";
/// Any new value asks for one pass now.
pub const ANNOTATION_RECONCILE_AT: &str = "acs-operator.dev/reconcile-at";
/// Label on every Secret the operator writes.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`LABEL_MANAGED_BY`], field manager, and reporting controller of Events.
pub const MANAGER: &str = "acs-operator";

/// Azure tag: `<clusterId>/<namespace>/<Kind>/<name>`, the owner of a resource. One tag, because ARM allows as few as 15.
pub const TAG_OWNER: &str = "acs-operator-owner";
/// Azure tag: uid of the owning object; a second opinion, never the only one (a restored backup has new uids).
pub const TAG_UID: &str = "acs-operator-uid";

/// ServiceAccount whose tokens are exchanged for Azure tokens unless the operator's configuration allows others.
pub const DEFAULT_SERVICE_ACCOUNT: &str = "acs-operator-azure";
/// Audience that Entra expects in a federated assertion.
pub const FEDERATION_AUDIENCE: &str = "api://AzureADTokenExchange";

/// Keys of the Secrets that the operator writes. They are API: apps mount them by these names.
pub mod secret_keys {
    /// Connection string, as the Azure SDKs take it.
    pub const CONNECTION_STRING: &str = "connectionString";
    /// Host URL of the service, with a trailing slash.
    pub const ENDPOINT: &str = "endpoint";
    /// Access key of the service.
    pub const ACCESS_KEY: &str = "accessKey";
    /// Name of the Notification Hub.
    pub const HUB_NAME: &str = "hubName";
    /// Name of the access policy.
    pub const POLICY_NAME: &str = "policyName";
    /// Federated assertion kept for a namespace that is going away.
    pub const ASSERTION: &str = "assertion";
    /// Key that Event Grid sends with every delivery to a relay.
    pub const DELIVERY_CURRENT: &str = "current";
    /// Key that replaces it: relays take both while a rotation is under way.
    pub const DELIVERY_NEXT: &str = "next";
}
