//! A simulator of the parts of Azure that acs-operator talks to.
//!
//! [`model`] is Azure itself: a value, changed only by requests and by time, with no clock, socket or thread of its
//! own, so that a simulation can run it thousands of times and always get the same answers from the same seed.
//! [`http`] is its skin: TLS, timers and the calls that Azure makes outwards.

#[cfg(feature = "program")]
pub mod check;
#[cfg(feature = "program")]
pub mod http;
pub mod model;
