//! Azure over HTTPS: tokens from Entra ID, calls to ARM, and the budget that they share.
//!
//! Bodies and tokens never reach a log, a `Debug` or an error message.

pub mod arm;
pub mod budget;
pub mod cloud;
mod entra;
pub mod http;
pub mod identity;
pub mod observe;
mod scrub;
#[cfg(test)]
mod tests;
mod transport;

pub use arm::ArmClient;
pub use cloud::{Cloud, CloudError, Clouds};
pub use identity::{Identity, Proofs};
pub use observe::{Observer, Unobserved};

use acs_core::azure::error::{AzureError, Fate, one_line};

/// An error of a call that got no answer; `code` is a word of ours, such as `CredentialUnavailable`.
pub fn unanswered(code: &str, message: &str, fate: Fate) -> AzureError {
    AzureError {
        status: None,
        code: code.to_owned(),
        message: one_line(message),
        target: None,
        correlation_id: None,
        retry_after: None,
        fate,
    }
}
