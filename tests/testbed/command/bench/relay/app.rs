//! The least that can be called an app, or a hub: reads a request with a length, answers, keeps the connection.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// That of an app.
pub(super) const TAKEN: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
/// That of a hub.
pub(super) const QUEUED: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";

/// A running app. It ends with the value.
pub(super) struct App {
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl App {
    /// Listens on loopback, on this thread's runtime, and always gives that answer.
    pub(super) async fn start(says: &'static [u8]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, says));
            }
        });
        Ok(Self { address, serving })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(mut stream: TcpStream, says: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        match whole(&buffer) {
            Some(length) => {
                buffer.drain(..length);
                stream.write_all(says).await?;
            }
            None if stream.read_buf(&mut buffer).await? == 0 => return Ok(()),
            None => {}
        }
    }
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
    use super::whole;

    #[test]
    fn a_message_is_whole_when_its_body_is() {
        assert_eq!(whole(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"), None);
        assert_eq!(whole(b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcPOST"), Some(41));
        assert_eq!(whole(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(27));
        let chunked = b"P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
        assert_eq!(whole(chunked), Some(chunked.len()));
    }
}
