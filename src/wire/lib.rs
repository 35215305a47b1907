//! Words that several programs share: labels, tags, Secret keys, event envelope.
