//! Metrics. Labels hold names of routes and rules, words of closed lists, and types of events that Azure documents.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use acs_wire::relay::config::Platform;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::receive::Outcome;
use crate::receive::envelope::Event;
use crate::state::State;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TypeLabels {
    event_type: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RuleLabels {
    rule: String,
    platform: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DirectLabels {
    platform: &'static str,
    result: &'static str,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    /// One for each outcome, in the order of [`Outcome::ALL`].
    requests: Vec<Counter>,
    request_time: Histogram,
    events: Family<TypeLabels, Counter>,
    lag: Histogram,
    deliveries: Family<RouteLabels, Counter>,
    delivery_time: Histogram,
    pushes: Family<RuleLabels, Counter>,
    direct: Family<DirectLabels, Counter>,
    in_flight: Gauge,
    connections: Gauge,
    remembered: Gauge,
    accepting: Gauge,
    problems: Gauge,
}

impl Metrics {
    /// All at zero. Every outcome is there from the start, so that an alert on one finds a series.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("acs_relay");
        let outcomes = Family::<OutcomeLabels, Counter>::default();
        let requests = Outcome::ALL.iter().map(|o| outcomes.get_or_create_owned(&OutcomeLabels { outcome: o.label() }));
        let requests = requests.collect();
        registry.register("requests", "Requests on the events port, by outcome", outcomes.clone());
        let metrics = Self {
            requests,
            request_time: Histogram::new(exponential_buckets(0.000_25, 2.0, 18)),
            events: Family::default(),
            lag: Histogram::new(exponential_buckets(0.05, 3.0, 14)),
            deliveries: Family::default(),
            delivery_time: Histogram::new(exponential_buckets(0.000_25, 2.0, 18)),
            pushes: Family::default(),
            direct: Family::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            remembered: Gauge::default(),
            accepting: Gauge::default(),
            problems: Gauge::default(),
            registry: Registry::default(),
        };
        metrics.register(registry)
    }

    fn register(mut self, mut registry: Registry) -> Self {
        registry.register(
            "request_duration_seconds",
            "Time from the head of a request to its answer",
            self.request_time.clone(),
        );
        registry.register("events", "Events received, by type", self.events.clone());
        registry.register("event_lag_seconds", "Age of events when received", self.lag.clone());
        registry.register("deliveries", "Events sent to routes, by result", self.deliveries.clone());
        registry.register("delivery_duration_seconds", "Time of one delivery to a route", self.delivery_time.clone());
        registry.register("pushes", "Pushes of rules, by result", self.pushes.clone());
        registry.register("direct_pushes", "Pushes of the app, by result", self.direct.clone());
        registry.register("in_flight", "Requests on the events port under way", self.in_flight.clone());
        registry.register("connections", "Connections to the events port", self.connections.clone());
        registry.register("remembered_deliveries", "Deliveries that are remembered", self.remembered.clone());
        registry.register("accepting", "1 while events are accepted", self.accepting.clone());
        registry.register("problems", "What the report lists as problems", self.problems.clone());
        self.registry = registry;
        self
    }

    /// Counts an answer.
    pub fn answered(&self, outcome: Outcome, took: Duration) {
        if let Some(counter) = self.requests.get(outcome as usize) {
            counter.inc();
        }
        self.request_time.observe(took.as_secs_f64());
    }

    /// Counts an event.
    pub fn received(&self, event: &Event) {
        self.events.get_or_create(&TypeLabels { event_type: known_type(&event.event_type) }).inc();
        let time = event.time.as_deref().and_then(|time| time.parse::<jiff::Timestamp>().ok()).map(SystemTime::from);
        if let Some(age) = time.and_then(|time| SystemTime::now().duration_since(time).ok()) {
            self.lag.observe(age.as_secs_f64());
        }
    }

    /// Counts a delivery.
    pub fn delivered(&self, route: &str, result: &'static str, took: Duration) {
        self.deliveries.get_or_create(&RouteLabels { route: route.to_owned(), result }).inc();
        self.delivery_time.observe(took.as_secs_f64());
    }

    /// Counts the push of a rule.
    pub fn pushed(&self, rule: &str, platform: Platform, result: &'static str) {
        self.pushes.get_or_create(&RuleLabels { rule: rule.to_owned(), platform: platform.format(), result }).inc();
    }

    /// Counts a push of the app.
    pub fn pushed_directly(&self, platform: Option<Platform>, result: &'static str) {
        let platform = platform.map_or("none", Platform::format);
        self.direct.get_or_create(&DirectLabels { platform, result }).inc();
    }

    /// As OpenMetrics text.
    pub fn text(&self, state: &State, connections: usize) -> String {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.in_flight.set(whole(state.in_flight.now()));
        self.connections.set(whole(connections));
        self.remembered.set(whole(state.delivery.memory.len()));
        self.accepting.set(i64::from(state.is_accepting()));
        self.problems.set(whole(state.problems().len()));
        let mut text = String::new();
        if let Err(error) = prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            let _ = write!(text, "# {error}");
        }
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The type if it is one that Azure documents: whoever has the key could make up others without end.
fn known_type(event_type: &str) -> &'static str {
    acs_wire::event_types::known(event_type).unwrap_or("other")
}
