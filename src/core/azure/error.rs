//! What Azure's errors mean: why, in our words, and when to try again. There is no fatal error.

use crate::reason::Reason;

/// Whether a failed call may have had its effect all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It had none, and cannot have any later.
    NotApplied,
    /// Nobody knows: no answer, or one from a gateway.
    Unknown,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureError {
    /// HTTP status; `None` if there was no answer.
    pub status: Option<u16>,
    /// Azure's code, such as `AuthorizationFailed`; for a call without answer, a word of ours.
    pub code: String,
    /// Azure's message, one line.
    pub message: String,
    /// `error.target`, if any.
    pub target: Option<String>,
    /// Correlation id, for support.
    pub correlation_id: Option<String>,
    /// `Retry-After`, in milliseconds.
    pub retry_after: Option<u64>,
    /// Whether it may have had its effect.
    pub fate: Fate,
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Azure said when, in milliseconds.
    Wait(u64),
    /// Soon, with backoff.
    Retry,
    /// Slowly, and at once when spec, Secret or account change.
    Blocked,
}

/// Something is in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Why, from the closed table.
    pub reason: Reason,
    /// One sentence: what is wrong, who said so, what to do.
    pub message: String,
    /// When to try again.
    pub class: Class,
}

impl Fault {
    /// A fault that a person has to mend.
    pub fn blocked(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), class: Class::Blocked }
    }
}

impl AzureError {
    /// An error that the failed operation itself reported.
    pub fn of_operation(code: &str, message: &str) -> Self {
        Self {
            status: None,
            code: code.to_owned(),
            message: one_line(message),
            target: None,
            correlation_id: None,
            retry_after: None,
            fate: Fate::NotApplied,
        }
    }

    /// True when the error says that the resource does not exist, as opposed to its group or subscription.
    pub fn is_absent(&self) -> bool {
        let missing_parent = ["ResourceGroupNotFound", "SubscriptionNotFound", "InvalidSubscriptionId"];
        self.status == Some(404) && !missing_parent.iter().any(|code| self.code.eq_ignore_ascii_case(code))
    }

    /// Reason and class.
    pub fn classify(&self) -> (Reason, Class) {
        if let Some(known) = by_code(&self.code) {
            return known;
        }
        match self.status {
            Some(429) => (Reason::Throttled, Class::Wait(self.retry_after.unwrap_or(10_000))),
            Some(503) => match self.retry_after {
                Some(wait) => (Reason::Throttled, Class::Wait(wait)),
                None => (Reason::RetryingAzureError, Class::Retry),
            },
            Some(401) => (Reason::AuthenticationFailed, Class::Retry),
            Some(403) => (Reason::AuthorizationFailed, Class::Blocked),
            Some(400 | 422) => (Reason::AzureRejected, Class::Blocked),
            _ => (Reason::RetryingAzureError, Class::Retry),
        }
    }

    /// The fault that this error means for someone who tried to do `what`.
    pub fn fault(&self, what: &str) -> Fault {
        let (reason, class) = self.classify();
        let mut message = format!("{what}: ");
        match self.status {
            Some(status) => message.push_str(&format!("Azure answered {status} {}: {}", self.code, self.message)),
            None => message.push_str(&format!("{}: {}", self.code, self.message)),
        }
        if !message.ends_with(['.', '!', '?']) {
            message.push('.');
        }
        if let Some(advice) = self.advice(reason) {
            message.push_str(&format!(" {advice}"));
        }
        if let Some(id) = &self.correlation_id {
            message.push_str(&format!(" (correlation id {id})"));
        }
        Fault { reason, message, class }
    }

    fn advice(&self, reason: Reason) -> Option<String> {
        Some(match reason {
            Reason::ProviderNotRegistered => match &self.target {
                Some(provider) => format!("Run `az provider register --namespace {provider}`."),
                None => "Register the provider with `az provider register`.".to_owned(),
            },
            Reason::ResourceGroupNotFound => "Create the resource group, or name another.".to_owned(),
            Reason::AuthorizationFailed => "Grant the identity a role with that action on that scope.".to_owned(),
            Reason::NameTaken => "Set another `azureName`.".to_owned(),
            Reason::Locked => "Remove the lock, or set `managementPolicy: Observe`.".to_owned(),
            _ => return None,
        })
    }
}

/// Codes whose meaning does not depend on the HTTP status.
fn by_code(code: &str) -> Option<(Reason, Class)> {
    use Class::{Blocked, Retry};
    let known: &[(&str, Reason, Class)] = &[
        ("AuthorizationFailed", Reason::AuthorizationFailed, Blocked),
        ("LinkedAuthorizationFailed", Reason::AuthorizationFailed, Blocked),
        ("RequestDisallowedByPolicy", Reason::PolicyDenied, Blocked),
        ("ScopeLocked", Reason::Locked, Blocked),
        ("MissingSubscriptionRegistration", Reason::ProviderNotRegistered, Blocked),
        ("MissingRegistrationForLocation", Reason::ProviderNotRegistered, Blocked),
        ("NoRegisteredProviderFound", Reason::ProviderNotRegistered, Blocked),
        ("ResourceGroupNotFound", Reason::ResourceGroupNotFound, Blocked),
        ("ResourceGroupBeingDeleted", Reason::ResourceGroupNotFound, Retry),
        ("SubscriptionNotFound", Reason::SubscriptionNotFound, Blocked),
        ("InvalidSubscriptionId", Reason::SubscriptionNotFound, Blocked),
        ("WrongSubscription", Reason::WrongSubscription, Blocked),
        ("NameNotAvailable", Reason::NameTaken, Blocked),
        ("HostNamePrefixTaken", Reason::NameTaken, Blocked),
        ("ResourceNameUnavailable", Reason::NameTaken, Blocked),
        ("NamespaceAlreadyExists", Reason::NameTaken, Blocked),
        ("AlreadyExists", Reason::NameTaken, Blocked),
        ("ResourceQuotaExceeded", Reason::QuotaExceeded, Blocked),
        ("QuotaExceeded", Reason::QuotaExceeded, Blocked),
        ("SkuNotAvailable", Reason::AzureRejected, Blocked),
        ("PropertyChangeNotAllowed", Reason::Immutable, Blocked),
        // What ARM says when the parent, or what an action is called on, is not there (documented, recorded).
        ("ParentResourceNotFound", Reason::MissingInAzure, Retry),
        ("ResourceNotFound", Reason::MissingInAzure, Retry),
        ("NotFound", Reason::MissingInAzure, Retry),
        ("Url validation", Reason::WebhookValidationFailed, Retry),
        // Words of ours, for calls that got no answer.
        ("CredentialUnavailable", Reason::CredentialUnavailable, Blocked),
        ("CloudNotConfigured", Reason::CloudNotConfigured, Blocked),
        ("ServiceAccountNotAllowed", Reason::ServiceAccountNotAllowed, Blocked),
        ("TokenRefused", Reason::AuthenticationFailed, Blocked),
        ("KubernetesForbidden", Reason::KubernetesForbidden, Blocked),
    ];
    let found = known.iter().find(|(name, ..)| name.eq_ignore_ascii_case(code))?;
    Some((found.1, found.2))
}

/// Messages go into conditions: one line, of bounded length.
pub fn one_line(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > 700 {
        let end = (0..=700).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, code: &str) -> AzureError {
        AzureError { status: Some(status), ..AzureError::of_operation(code, "why") }
    }

    #[test]
    fn every_status_and_code_has_a_class_and_none_is_fatal() {
        for status in 300..600 {
            for code in ["", "AuthorizationFailed", "Url validation", "Whatever", "TooManyRequests"] {
                let fault = error(status, code).fault("creating x");
                assert!(fault.message.contains("creating x") && fault.message.len() < 2000);
            }
        }
    }

    #[test]
    fn throttling_waits_as_long_as_azure_says() {
        let error = AzureError { retry_after: Some(17_000), ..error(429, "TooManyRequests") };
        assert_eq!(error.classify(), (Reason::Throttled, Class::Wait(17_000)));
    }

    #[test]
    fn a_missing_group_is_not_a_missing_resource() {
        assert!(error(404, "ResourceNotFound").is_absent());
        assert!(!error(404, "ResourceGroupNotFound").is_absent());
    }

    #[test]
    fn an_unregistered_provider_comes_with_its_command() {
        let error =
            AzureError { target: Some("Microsoft.EventGrid".into()), ..error(409, "MissingSubscriptionRegistration") };
        assert!(error.fault("x").message.contains("az provider register --namespace Microsoft.EventGrid"));
    }
}
