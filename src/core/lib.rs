//! Kinds, names, Azure resource descriptors, and the pure plan and report: no client, no clock, no randomness.
