//! Kept connections under HTTP/1.1: the least that can be called a client, so that what answers is measured and not what asks.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use futures::future::join_all;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// One connection, one request at a time.
pub(super) struct Kept<S> {
    stream: S,
    /// The last answer, head and body.
    answer: Vec<u8>,
    /// Its length.
    length: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Kept<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, answer: Vec::with_capacity(4096), length: 0 }
    }

    /// Sends a whole request and waits for the whole answer; its status.
    pub(super) async fn ask(&mut self, request: &[u8]) -> Result<u16> {
        self.answer.drain(..self.length);
        self.length = 0;
        self.stream.write_all(request).await?;
        // Where bytes wait for company, as those of TLS do, they go now.
        self.stream.flush().await?;
        loop {
            if let Some(length) = whole(&self.answer) {
                self.length = length;
                let status = self.answer.get(9..12).and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
                return status.context("an answer without a status");
            }
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                bail!("the connection was closed");
            }
        }
    }

    /// The last answer's body; empty where it had none.
    pub(super) fn body(&self) -> &[u8] {
        let answer = self.answer.get(..self.length).unwrap_or_default();
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
        answer.get(head..).unwrap_or_default()
    }
}

/// Full load.
pub(super) struct Full {
    /// Answers a second that were a success.
    pub(super) per_second: f64,
    /// Answers that were none.
    pub(super) failed: u64,
}

/// As much as these can send when each waits for each answer. `ask` sends the request of a turn and says whether it was a
/// success, and `None` when there is nothing left to send.
#[allow(clippy::cast_precision_loss, reason = "counts of millions")]
pub(super) async fn full<C>(
    connections: &mut [C],
    ask: impl AsyncFn(&mut C, usize) -> Result<Option<bool>>,
) -> Result<Full> {
    let (started, ask) = (Instant::now(), &ask);
    let count = connections.len();
    let runs = connections.iter_mut().enumerate().map(|(number, connection)| async move {
        let (mut taken, mut failed) = (0_u64, 0_u64);
        // No two connections have a turn in common.
        for turn in (number..).step_by(count) {
            match ask(connection, turn).await? {
                Some(true) => taken += 1,
                Some(false) => failed += 1,
                None => break,
            }
        }
        anyhow::Ok((taken, failed))
    });
    let counts = join_all(runs).await.into_iter().collect::<Result<Vec<_>>>()?;
    let took = started.elapsed().as_secs_f64();
    let (taken, failed) = counts.iter().fold((0, 0), |(taken, failed), run| (taken + run.0, failed + run.1));
    Ok(Full { per_second: taken as f64 / took, failed })
}

/// Length of the message at the front of `buffer`, once all of it is there. Chunked bodies end with an empty chunk.
pub(super) fn whole(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(buffer.get(..head)?).ok()?;
    let header = |name: &str| {
        let mut lines = text.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    if header("transfer-encoding").is_some() {
        let rest = buffer.get(head..)?;
        return Some(head + rest.windows(5).position(|window| window == b"0\r\n\r\n")? + 5);
    }
    let length = head + header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    (buffer.len() >= length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_whole_when_its_body_is() {
        assert_eq!(whole(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"), None);
        assert_eq!(whole(b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcPOST"), Some(41));
        assert_eq!(whole(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(27));
        let chunked = b"P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
        assert_eq!(whole(chunked), Some(chunked.len()));
    }
}
