//! CEL of push rules: compiled and checked when the operator sees it, evaluated by the relay. Pure: no clock, no randomness.
