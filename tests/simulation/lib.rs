//! Deterministic simulation: the shipped engine over a model of Azure and of the API server, under faults.
