//! Hands events to everyone who wants them, and answers only when all of them did.
//!
//! A request becomes jobs: what one destination gets of one subject. Jobs run side by side; within a job, and between jobs of
//! different requests in the same lane, events keep their order. A delivery that began is finished even when the sender has
//! gone: otherwise its retry would reach the app twice.

pub mod encode;
pub mod lanes;
pub mod memory;
pub mod target;

use std::collections::HashMap;
use std::sync::Arc;

use acs_wire::relay::config::Platform;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::HeaderValue;
use tokio::time::Instant;

use crate::push::rules::Rule;
use crate::receive::Outcome;
use crate::receive::body::Whole;
use crate::receive::envelope::Event;
use crate::state::{InForce, State};
use lanes::{Lanes, Place};
use memory::{Mark, Memory};
use target::Route;

/// Jobs of one request for one destination that run at once.
const SIDE_BY_SIDE: usize = 32;

/// Order and memory of deliveries.
#[derive(Default)]
pub struct Delivery {
    /// What was delivered.
    pub memory: Memory,
    lanes: Arc<Lanes>,
}

/// Why a destination did not get an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// It did not take it.
    Refused,
    /// It did not answer in time.
    TimedOut,
    /// Too many wait for it.
    Overloaded,
}

/// Who gets an event.
#[derive(Clone)]
enum Destination {
    Route(Arc<Route>),
    Push(Arc<Rule>, Platform),
}

impl Destination {
    /// Its name in the memory. Routes and rules have names of their own each.
    fn name(&self) -> String {
        match self {
            Destination::Route(route) => format!("route/{}", route.name),
            Destination::Push(rule, platform) => format!("push/{}/{}", rule.name, platform.format()),
        }
    }

    async fn send(
        &self,
        state: &State,
        event: &Event,
        attempt: Option<&HeaderValue>,
        deadline: Instant,
    ) -> Result<(), Failure> {
        match self {
            Destination::Route(route) => route.send(state, event, attempt, deadline).await,
            Destination::Push(rule, platform) => rule.send(state, event, *platform, deadline).await,
        }
    }
}

/// Events of one subject for one destination, in order.
struct Job {
    destination: Destination,
    lane: Mark,
    events: Vec<(usize, Mark)>,
}

/// Delivers the events of a request.
pub async fn deliver(
    state: &Arc<State>,
    config: &Arc<InForce>,
    events: Vec<Event>,
    attempt: Option<HeaderValue>,
    body: Whole,
    deadline: Instant,
) -> Outcome {
    for event in &events {
        state.metrics.received(event);
    }
    let jobs = jobs(&state.delivery.memory, config, &events);
    if jobs.is_empty() {
        return Outcome::Unrouted;
    }
    let places = state.delivery.lanes.enter(jobs.iter().map(|job| job.lane));
    let run = Run { state: Arc::clone(state), events, attempt, deadline, _body: body };
    // A task of its own, which the end of the connection does not end.
    match tokio::spawn(run.all(jobs, places)).await {
        Ok(Ok(0)) => Outcome::Duplicate,
        Ok(Ok(_)) => Outcome::Delivered,
        Ok(Err(Failure::Refused)) | Err(_) => Outcome::DeliveryFailed,
        Ok(Err(Failure::TimedOut)) => Outcome::TimedOut,
        Ok(Err(Failure::Overloaded)) => Outcome::Overloaded,
    }
}

/// Destinations in their order, and for each its subjects in theirs.
fn jobs(memory: &Memory, config: &InForce, events: &[Event]) -> Vec<Job> {
    let mut jobs = Vec::new();
    let sources: Vec<String> = events.iter().map(|event| event.source.to_ascii_lowercase()).collect();
    let mut add = |destination: Destination, wants: &dyn Fn(&Event) -> bool| {
        let name = destination.name();
        let mut of_lane = HashMap::new();
        for (at, (event, source)) in events.iter().zip(&sources).enumerate().filter(|(_, (event, _))| wants(event)) {
            // An event about nothing has no order to keep: a lane of its own.
            let lane = memory.mark((source, event.subject.as_deref().unwrap_or(&event.id), &name));
            let event = (at, memory.mark((source, &event.id, &name)));
            let job = *of_lane.entry(lane).or_insert(jobs.len());
            match jobs.get_mut(job) {
                Some(Job { events, .. }) => events.push(event),
                None => jobs.push(Job { destination: destination.clone(), lane, events: vec![event] }),
            }
        }
    };
    for route in &config.routes {
        add(Destination::Route(Arc::clone(route)), &|event| {
            route.filter.lets_through(&event.event_type, event.subject.as_deref().unwrap_or_default())
        });
    }
    let platforms = config.push.as_ref().map_or(&[][..], |push| &push.platforms);
    for rule in &config.rules {
        for platform in platforms {
            add(Destination::Push(Arc::clone(rule), *platform), &|event| rule.wants(event));
        }
    }
    jobs
}

/// A request under way.
struct Run {
    state: Arc<State>,
    events: Vec<Event>,
    attempt: Option<HeaderValue>,
    deadline: Instant,
    /// Events point into it.
    _body: Whole,
}

impl Run {
    /// Runs all jobs; gives how many events were new to a destination, or the gravest failure.
    async fn all(self, jobs: Vec<Job>, places: Vec<Place>) -> Result<usize, Failure> {
        let mut work: Vec<_> = jobs.into_iter().zip(places).collect();
        // The usual request: one event, one destination.
        if work.len() == 1
            && let Some((job, place)) = work.pop()
        {
            return self.job(job, place).await;
        }
        let mut by_destination: Vec<(String, Vec<(Job, Place)>)> = Vec::new();
        for (job, place) in work {
            let name = job.destination.name();
            match by_destination.last_mut() {
                Some((last, jobs)) if *last == name => jobs.push((job, place)),
                _ => by_destination.push((name, vec![(job, place)])),
            }
        }
        // Each destination has its own queue: one that is slow holds up none of the others.
        let mut queues: FuturesUnordered<_> = by_destination.into_iter().map(|(_, jobs)| self.queue(jobs)).collect();
        let mut result = Ok(0);
        while let Some(one) = queues.next().await {
            result = join(result, one);
        }
        result
    }

    async fn queue(&self, jobs: Vec<(Job, Place)>) -> Result<usize, Failure> {
        let jobs = futures_util::stream::iter(jobs).map(|(job, place)| self.job(job, place));
        jobs.buffer_unordered(SIDE_BY_SIDE).fold(Ok(0), async |all, one| join(all, one)).await
    }

    async fn job(&self, job: Job, place: Place) -> Result<usize, Failure> {
        let memory = &self.state.delivery.memory;
        let _front = place.front(self.deadline).await?;
        let mut new = 0;
        for (at, mark) in job.events {
            let Some(event) = self.events.get(at).filter(|_| !memory.has(mark)) else { continue };
            // The first that fails ends the job: those behind it come again with it, in order.
            job.destination.send(&self.state, event, self.attempt.as_ref(), self.deadline).await?;
            memory.remember(mark, Instant::now());
            new += 1;
        }
        Ok(new)
    }
}

fn join(one: Result<usize, Failure>, two: Result<usize, Failure>) -> Result<usize, Failure> {
    match (one, two) {
        (Ok(one), Ok(two)) => Ok(one + two),
        (Err(one), Err(two)) => Err(one.max(two)),
        (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => Err(failure),
    }
}
