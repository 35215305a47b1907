//! Load over plain HTTP/1.1: as much as can be taken, or so much a second whether it is taken or not.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::future::join_all;
use serde::Serialize;
use tokio::net::TcpStream;

use super::super::kept::{self, Full, Kept};

/// Where requests go.
#[derive(Clone, Copy)]
pub(super) struct Target {
    /// Address.
    pub(super) address: SocketAddr,
    /// Path.
    pub(super) path: &'static str,
    /// Delivery key, for a relay.
    pub(super) key: Option<&'static str>,
    /// What is sent.
    pub(super) event: Event,
}

/// An event.
#[derive(Clone, Copy)]
pub(super) enum Event {
    /// `SMSReceived`.
    Sms,
    /// `ChatMessageReceived`.
    Chat,
}

impl Event {
    /// Its type; and its data up to where a text begins.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Event::Sms => ("SMSReceived", "\"message\":\""),
            Event::Chat => (
                "ChatMessageReceived",
                "\"senderDisplayName\":\"Bob\",\"recipientCommunicationIdentifier\":{\"rawId\":\"8:acs:anna\"},\"messageBody\":\"",
            ),
        }
    }
}

/// How long answers took, in milliseconds.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Latencies {
    /// Half took no longer.
    pub(in super::super) p50_ms: f64,
    /// 99 of 100 took no longer.
    pub(in super::super) p99_ms: f64,
}

/// One kept connection, and the request that it sends: the same but for the event's id and subject, which no two requests share.
/// Events of one subject would be delivered one after the other.
struct Connection {
    kept: Kept<TcpStream>,
    request: Vec<u8>,
    /// Where the number stands in the request.
    places: [usize; 2],
    next: u64,
}

const DIGITS: usize = 16;

impl Connection {
    async fn open(target: Target, size: usize, number: u64) -> Result<Self> {
        let stream =
            TcpStream::connect(target.address).await.with_context(|| format!("connecting {}", target.address))?;
        stream.set_nodelay(true)?;
        let (request, places) = request(target, size)?;
        // Far apart, and never the same twice in one run of this program.
        let start = u64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_micros())?;
        Ok(Self { kept: Kept::new(stream), request, places, next: start + number * 100_000_000 })
    }

    /// Whether the answer was a success.
    async fn ask(&mut self) -> Result<bool> {
        let id = format!("{:0DIGITS$}", self.next % 10_u64.pow(16));
        self.next += 1;
        for place in self.places {
            self.request.get_mut(place..place + DIGITS).context("no room for the id")?.copy_from_slice(id.as_bytes());
        }
        Ok((200..300).contains(&self.kept.ask(&self.request).await?))
    }
}

/// A CloudEvents delivery of `size` bytes, as Event Grid sends it; and where the number that tells it from others begins.
fn request(target: Target, size: usize) -> Result<(Vec<u8>, [usize; 2])> {
    let id = "0".repeat(DIGITS);
    let (kind, data) = target.event.words();
    // Rules drop what is old.
    let time = k8s_openapi::jiff::Timestamp::now();
    let front = format!(
        "{{\"id\":\"{id}\",\"source\":\"/subscriptions/s/resourceGroups/r/providers/Microsoft.Communication/communicationServices/c\",\
         \"specversion\":\"1.0\",\"type\":\"Microsoft.Communication.{kind}\",\"subject\":\"/phonenumber/{id}\",\
         \"time\":\"{time}\",\"data\":{{{data}"
    );
    let back = "\"}}";
    let filling = "x".repeat(size.checked_sub(front.len() + back.len()).context("the event is too small")?);
    let key = target.key.map(|key| format!("{}: {key}\r\n", acs_wire::relay::DELIVERY_HEADER)).unwrap_or_default();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: bench\r\n{key}aeg-event-type: Notification\r\n\
         content-type: application/cloudevents+json; charset=utf-8\r\ncontent-length: {size}\r\n\r\n",
        target.path
    );
    let mut places = front.match_indices(&id).map(|(at, _)| head.len() + at);
    let places = [places.next().context("no id")?, places.next().context("no subject")?];
    Ok((format!("{head}{front}{filling}{back}").into_bytes(), places))
}

/// As much as `connections` that wait for each answer can send.
pub(super) async fn full(target: Target, connections: usize, size: usize, time: Duration) -> Result<Full> {
    let mut open = Vec::new();
    for number in 0..connections {
        open.push(Connection::open(target, size, u64::try_from(number)?).await?);
    }
    let started = Instant::now();
    let ask = async |connection: &mut Connection, _| {
        if started.elapsed() < time { connection.ask().await.map(Some) } else { Ok(None) }
    };
    kept::full(&mut open, ask).await
}

/// `rate` a second, over as many connections as it takes; each is timed from when it was due, so that a pause counts.
pub(super) async fn steady(target: Target, size: usize, rate: u64, time: Duration) -> Result<Latencies> {
    const LANES: u64 = 8;
    let pause = Duration::from_secs(1).checked_div(u32::try_from(rate)?).context("no rate")?;
    let count = u64::try_from(time.as_micros() / pause.as_micros())?;
    let started = Instant::now() + Duration::from_millis(50);
    let lanes = (0..LANES).map(|lane| async move {
        let mut connection = Connection::open(target, size, 1000 + lane).await?;
        let mut took = Vec::new();
        for turn in (lane..count).step_by(usize::try_from(LANES)?) {
            let due = started + pause * u32::try_from(turn)?;
            tokio::time::sleep_until(due.into()).await;
            // The clock of sleeps has a grain of a millisecond: what came late by that was not due yet.
            let sent = Instant::now();
            let late = sent.saturating_duration_since(due).saturating_sub(Duration::from_millis(1));
            if !connection.ask().await? {
                bail!("an answer was no success");
            }
            took.push((sent.elapsed() + late).as_secs_f64() * 1000.0);
        }
        anyhow::Ok(took)
    });
    let mut took: Vec<f64> =
        join_all(lanes).await.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    took.sort_by(f64::total_cmp);
    let at = |percent: usize| took.get(took.len() * percent / 100).copied().unwrap_or_default();
    Ok(Latencies { p50_ms: at(50), p99_ms: at(99) })
}

#[cfg(test)]
mod tests {
    use super::super::super::kept::whole;
    use super::*;

    #[test]
    fn an_event_has_the_size_that_was_asked_for_and_room_for_its_id() {
        let target =
            Target { address: SocketAddr::from(([127, 0, 0, 1], 1)), path: "/", key: None, event: Event::Chat };
        let (request, places) = request(target, 1024).unwrap();
        assert_eq!(whole(&request), Some(request.len()));
        for place in places {
            assert_eq!(&request[place..place + DIGITS], "0".repeat(DIGITS).as_bytes());
        }
        let body = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(request.len() - body, 1024);
        serde_json::from_slice::<serde_json::Value>(&request[body..]).unwrap();
    }
}
