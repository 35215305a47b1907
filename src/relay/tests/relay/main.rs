//! The relay over real HTTP on loopback: doors, a target, a hub.

// Ground and servers are test code too, though no test functions.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::type_complexity)]

mod drain;
mod forged;
mod ground;
mod openapi;
mod process;
mod push;
mod reload;
mod responses;
mod routes;
mod rules;
mod samples;
mod slow;
mod strangers;
mod tls;
