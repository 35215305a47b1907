//! The kinds, as they stand in the CRDs.

pub mod account;
pub mod common;
pub mod crds;
pub mod hub;
pub mod identity;
pub mod namespace;
pub mod object;
pub mod relay;
mod relay_status;
pub mod service;
pub mod subscription;
pub mod text;

pub use account::AzureAccount;
pub use hub::NotificationHub;
pub use namespace::NotificationHubNamespace;
pub use object::{Kind, Object, ObjectRef};
pub use relay::EventRelay;
pub use service::CommunicationService;
pub use subscription::EventSubscription;
