//! The least that can be called an app, or a hub: reads a request with a length, answers, keeps the connection.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::kept::whole;

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
