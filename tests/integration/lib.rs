//! Stories told by the operator binary on a real API server against the simulator.
