//! Pushes through Notification Hubs: those the app asks for ([`local`]) and those that events make ([`rules`]). Device handles
//! and payloads are never logged.

pub mod access;
pub mod answer;
pub mod direct;
pub mod hub;
pub mod local;
pub mod payload;
pub mod rules;
pub mod sas;
