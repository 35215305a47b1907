//! The one table of condition types and reasons. Conditions, Kubernetes Events, metrics and documentation take their words from here.

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = $text] $variant),+
        }

        impl $name {
            /// Every entry, in the order of the table.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word, as it stands in conditions and events.
            pub fn name(self) -> &'static str {
                match self {
                    $($name::$variant => stringify!($variant)),+
                }
            }

            /// What it means and what to do, for the reference.
            pub fn meaning(self) -> &'static str {
                match self {
                    $($name::$variant => $text),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

table! {
    /// Types of conditions.
    ConditionType {
        Ready = "Sums up all others: the object works as declared.",
        Reconciling = "Present and True while work is under way or will be tried again.",
        Stalled = "Present and True when a person has to do something; it is still tried again, slowly.",
        Authenticated = "A token was obtained for the account's identity.",
        Provisioned = "The Azure resource exists, has settled and matches the spec.",
        CredentialsApplied = "Azure took the push credentials.",
        PoliciesReady = "Every access policy exists and its Secret is written.",
        ConnectionPublished = "The connection Secret is written.",
        Linked = "The service wakes phones through the declared hub, with a key that is valid.",
        TopicReady = "The service has a system topic.",
        Subscribed = "Events are delivered to the destination.",
        Deployed = "Every relay runs with the configuration and the keys that are wanted.",
        Reachable = "The public URL leads to a relay, which grants Event Grid's handshake.",
        PushReady = "The relay has an access policy of its own at the hub, and its Secret is written.",
        RulesValid = "Every expression of the push rules can be compiled.",
        KeyCurrent = "Event Grid sends a key that every relay knows, and none is being replaced.",
    }
}

table! {
    /// Reasons in conditions and events.
    Reason {
        Ready = "All is as declared.",
        Succeeded = "This step is done.",
        Suspended = "`spec.suspend` is true: set it to false to go on.",
        Pending = "An earlier step has to be done first.",
        NotRequested = "The spec does not ask for this step.",
        Provisioning = "Azure is working on it.",
        Updating = "A change was sent to Azure.",
        OutcomeUnknown = "A call got no answer; it is waited out before anything is sent again.",
        DependencyNotReady = "Another object, named in the message, has to be ready first.",
        Deleting = "The Azure resource is being deleted.",
        InUse = "Deletion waits for the objects named in the message.",
        Propagating = "The other key is linked; Azure needs up to 10 minutes until every push uses it.",
        RetryingKubernetesError = "The API server failed in a way that passes; the call is tried again.",
        RetryingAzureError = "Azure failed in a way that passes; the call is tried again.",
        MissingInAzure = "Azure answers 404 to a call that needs what was there: the objects that this one names look again.",
        Throttled = "Azure asked to wait.",
        OperationStuck = "An Azure operation has not ended within 30 minutes; it is still watched.",
        NotConverging = "Azure accepts the change but does not show it.",
        AuthenticationFailed = "No token could be obtained: check tenant, client id, secret or federated credential.",
        ServiceAccountNotAllowed = "The operator's configuration does not allow this ServiceAccount name for workload identity.",
        CloudNotConfigured = "The operator's configuration has no cloud of that name.",
        AuthorizationFailed = "The identity lacks a role; the message names the action.",
        AzureRejected = "Azure refused the request as invalid: correct the spec.",
        NameTaken = "The name is in use by someone else in Azure: set another `azureName`.",
        Conflict = "The Azure resource exists and is not ours: choose another name, or set `adoptionPolicy: Always`.",
        WrongSubscription = "The hub is in another Azure subscription than the service: Azure cannot link them.",
        QuotaExceeded = "A quota of the subscription is used up.",
        ResourceGroupNotFound = "The resource group does not exist: create it, or name another.",
        SubscriptionNotFound = "The Azure subscription does not exist or is not visible to the identity.",
        ProviderNotRegistered = "The resource provider is not registered in the subscription; the message has the command.",
        PolicyDenied = "Azure Policy forbids it.",
        Locked = "A management lock blocks the call.",
        SecretNotFound = "A Secret that the spec names does not exist.",
        SecretKeyNotFound = "The Secret exists but lacks the key.",
        SecretInvalid = "The Secret's content is not what it has to be.",
        SecretConflict = "A Secret of that name exists and is not ours: rename one of them.",
        UnlinkUnsupported = "Azure has no unlink: the hub stays linked until another is linked or the service is deleted.",
        WebhookValidationFailed = "Event Grid's handshake with the endpoint failed.",
        AwaitingHandshake = "Event Grid waits for the endpoint to complete the handshake by hand.",
        Expired = "The `expirationTime` has passed: nothing is delivered any more. Set a later one, or delete the object.",
        TopicRequired = "A managed identity delivers only from a system topic: the service's `systemTopic.type` may not be None.",
        IdentityMissing = "The system topic is not ours and lacks the managed identity that is asked for: give it that identity in Azure.",
        Drifted = "Azure differs from the spec and `managementPolicy` is Observe; the message names the fields.",
        NotFound = "The resource does not exist and `managementPolicy` is Observe.",
        Immutable = "Azure does not allow this field to change after creation.",
        CredentialUnavailable = "No credential is left to delete with: see the documentation for the way out.",
        KubernetesForbidden = "The operator's ServiceAccount lacks a permission, named in the message.",
        InvalidObject = "This build cannot read the object.",
        NoRelayPods = "No pod runs the relay; the message says which label to put where.",
        RelayMissing = "A labelled pod has no relay in it: it was made before the EventRelay was ready, or injection is off.",
        RelayNotInStep = "A relay has not yet loaded the configuration or the keys that are wanted.",
        RelayUnreachable = "A relay does not answer the operator on port 8472; the message names the pod.",
        ScaledToZero = "The spec asks for no replica: nobody takes events.",
        ChildConflict = "An object of that name exists and is not ours: rename the EventRelay, or delete that object.",
        GatewayApiMissing = "The cluster has no Gateway API: install its CRDs and a controller, or choose another reachability.",
        RouteNotAccepted = "The gateway or the ingress controller has not taken the route; the message has its words.",
        ProbeFailed = "The operator's own handshake with the public URL failed; the message says how.",
        ProbeSkipped = "`reachability.probe` is Skip: nobody tried the public URL.",
        NoSubscriptions = "No EventSubscription delivers to this relay, so there is nothing to try.",
        InvalidExpression = "A push rule's expression cannot be compiled; the message names the rule and the position.",
        DoubleRing = "A push rule on IncomingCall meets a linked service of the same hub: phones ring twice.",
        Rotating = "The delivery key is being replaced; both keys are valid meanwhile.",
    }
}

impl Reason {
    /// True for a wait during which all works as declared: the old key is valid until the new one is in use everywhere.
    pub fn works_meanwhile(self) -> bool {
        matches!(self, Reason::Propagating | Reason::Rotating)
    }
}
