//! The relay beside the app: takes events from Event Grid, hands them on, sends pushes.
