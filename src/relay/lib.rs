//! The relay beside the app: takes events from Event Grid, hands them on, sends pushes.
//!
//! The path of an event: [`serve`] (connections and their limits) → [`receive`] (who may send what, and the one table of
//! answers) → [`deliver`] (routes, order, memory of what was delivered) → the app; or → [`push`] → Notification Hubs.

pub mod config;
pub mod connect;
pub mod deliver;
pub mod metrics;
pub mod ops;
pub mod options;
pub mod push;
pub mod receive;
pub mod run;
pub mod serve;
pub mod state;
