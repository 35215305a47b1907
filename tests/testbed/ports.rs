//! Free ports on loopback for servers that must be told theirs.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use rand::RngExt as _;

/// Below Linux's range for outgoing connections: a port from there can be taken by any client before its server binds.
const RANGE: std::ops::Range<u16> = 15_000..32_000;

static HANDED_OUT: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port of 127.0.0.1 that nobody listens on and that this process has not handed out before.
///
/// Another process may still be faster to bind it; who starts a server on it must be ready to try another.
pub fn free() -> Result<u16> {
    let mut handed_out = HANDED_OUT.lock().ok().context("the list of ports is unusable after a panic")?;
    for _ in 0..200 {
        let port = rand::rng().random_range(RANGE);
        if !handed_out.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            handed_out.insert(port);
            return Ok(port);
        }
    }
    bail!("no free port found on 127.0.0.1 between {} and {}", RANGE.start, RANGE.end)
}

/// [`free`], as an address.
pub fn free_address() -> Result<SocketAddr> {
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, free()?)))
}
