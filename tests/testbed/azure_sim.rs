//! The Azure simulator as a process.
