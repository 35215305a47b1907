//! Azure Resource Manager, as far as decisions need it: ids, calls, answers, errors, and one descriptor per resource.

pub mod call;
pub mod communication;
mod compare;
pub mod descriptor;
pub mod error;
pub mod event_grid;
pub mod id;
pub mod notification_hubs;
pub mod provisioning;

/// Newest stable version whose definitions were read.
pub const COMMUNICATION_API: &str = "2026-03-18";
/// The only version with FCM v1 credentials.
pub const NOTIFICATION_HUBS_API: &str = "2023-10-01-preview";
/// Newest stable version.
pub const EVENT_GRID_API: &str = "2025-02-15";
