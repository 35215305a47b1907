//! Waiting for something to become true, with an error that says what did not.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const POLL: Duration = Duration::from_millis(50);

/// Polls `check` until it is true.
pub async fn wait_for<F, C>(what: &str, timeout: Duration, mut check: C) -> Result<()>
where
    C: FnMut() -> F,
    F: Future<Output = bool>,
{
    wait_for_some(what, timeout, || {
        let answer = check();
        async { answer.await.then_some(()) }
    })
    .await
}

/// Polls `look` until it finds something, and returns that.
pub async fn wait_for_some<T, F, C>(what: &str, timeout: Duration, mut look: C) -> Result<T>
where
    C: FnMut() -> F,
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        // A single look may hang (a server that accepts and never answers), so each is under the deadline too.
        let left = timeout.saturating_sub(started.elapsed()).max(POLL);
        if let Ok(Some(found)) = tokio::time::timeout(left, look()).await {
            return Ok(found);
        }
        if started.elapsed() >= timeout {
            bail!("waited {timeout:?} in vain for {what}");
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_error_names_what_was_awaited() {
        let error = wait_for("the sky to fall", Duration::from_millis(60), || async { false }).await.unwrap_err();
        assert!(error.to_string().contains("the sky to fall"), "{error}");
    }

    #[tokio::test]
    async fn a_look_that_hangs_is_cut_off() {
        let hang = || std::future::pending::<Option<()>>();
        assert!(wait_for_some("an answer", Duration::from_millis(60), hang).await.is_err());
    }

    #[tokio::test]
    async fn what_was_found_is_returned() {
        let mut count = 0;
        let third = wait_for_some("the third look", Duration::from_secs(5), || {
            count += 1;
            std::future::ready((count == 3).then_some(count))
        });
        assert_eq!(third.await.unwrap(), 3);
    }
}
