//! Relays: the operator's part, with real relay programs standing for the containers of admitted pods.

mod app;
mod arrival;
mod children;
mod gateway;
mod keys;
mod push;
mod reach;
mod stage;
