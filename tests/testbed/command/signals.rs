//! Being asked to stop.

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

/// Ends at the first Ctrl-C, SIGTERM or SIGHUP after this call, even if nobody waits yet.
pub(crate) fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
