//! The program as those see it who start it: real processes, real TLS, files and exit codes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

mod bad_input;
mod check;
mod command_line;
mod faults;
mod help;
mod kept;
mod simulator;
mod sink;
