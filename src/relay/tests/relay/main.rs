//! The relay over real HTTP on loopback: doors, a target, a hub.

#![allow(missing_docs)]

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
