//! `acs-operator tree`.
