//! Real Kubernetes grounds for tests, demo, playground and bench.
