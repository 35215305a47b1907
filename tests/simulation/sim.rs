//! Everything that a schedule consists of, beside the engines themselves: time, cluster, Azure, faults, what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use acs_core::azure::call::{ArmCall, ArmReply, Method};
use acs_core::kinds::{Object, ObjectRef};
use acs_core::moment::Moment;
use acs_core::relay::inject::RelayImage;
use acs_core::wake::Dispatch;
use acs_core::world::{RelaySettings, Settings};
use azure_sim::model::{Answered, OutboundId, Profile};

use crate::azure::{Azure, EPOCH};
use crate::bugs::Bug;
use crate::cluster::{Change, Cluster};
use crate::faults::{Counts, Event, Mix};
use crate::oracle::Oracle;
use crate::random::Random;
use crate::trace::Trace;

/// Something that happens at its time.
#[derive(Clone, Debug)]
pub enum Due {
    /// A pass goes on.
    Resume(u64),
    /// A pass may be due.
    Wake(usize, u64, ObjectRef),
    /// A watch tells a replica; with the number of its stream.
    Watch(usize, u64, Box<Change>),
    /// A replica lists everything anew.
    Relist(usize, u64),
    /// A request reaches Azure after its client gave up.
    Land(Box<Flight>),
    /// A webhook answers Event Grid.
    Handshake(OutboundId, Box<Answered>),
    /// The garbage collector sees that an owner is gone.
    Collect(String),
    /// The namespace controller looks.
    Sweep(String),
    /// A replica begins to lead.
    Lead(usize),
    /// A replica learns that it leads no more.
    Depose(usize, u64),
    /// A user or someone in the portal does something.
    Edit,
    /// A user makes a Secret again.
    Secret(String, String),
    /// A user creates an object.
    Create(Box<Object>),
}

/// One replica of the operator, without its engine.
#[derive(Debug, Default)]
pub struct Replica {
    /// Term that it believes to lead in.
    pub epoch: Option<i64>,
    /// Counts its processes: what was meant for an earlier one is void.
    pub life: u64,
    /// What its watches have seen.
    pub dispatch: Dispatch,
    /// Versions of Secrets that its watch has seen.
    pub secrets: BTreeMap<(String, String), String>,
    /// Tokens at hand, by account.
    pub tokens: BTreeMap<ObjectRef, String>,
    /// Set where a crash has to happen.
    pub crash: bool,
    /// True while its watches are cut.
    pub deaf: bool,
    /// Number of the stream of its watches, unique among all: what an ended stream still had to say is never heard.
    pub stream: u64,
    /// Accounts whose federated assertion it has in memory.
    pub assertions: BTreeSet<ObjectRef>,
    /// Watches are in order: nothing arrives before this.
    pub heard_until: u64,
}

/// A mutating call under way.
#[derive(Clone, Debug)]
pub struct Flight {
    /// Number of the pass that sent it.
    pub pass: u64,
    /// Replica that sent it.
    pub replica: usize,
    /// Object that it is about.
    pub object: ObjectRef,
    /// uid of the object.
    pub uid: String,
    /// When the pass began to look.
    pub looked: u64,
    /// Token that it carries.
    pub token: String,
    /// The call.
    pub call: ArmCall,
    /// True once its client gave up and it goes on by itself.
    pub orphan: bool,
}

/// What is known of a pass that runs.
#[derive(Clone, Debug)]
pub struct PassNote {
    /// Replica.
    pub replica: usize,
    /// Object.
    pub object: ObjectRef,
    /// uid, once fetched.
    pub uid: String,
    /// When it began.
    pub started: u64,
    /// Term that had sent calls for the object when it was fetched.
    pub term_seen: i64,
}

/// A schedule's whole state.
pub struct Sim {
    /// Virtual milliseconds.
    pub now: u64,
    /// Choices.
    pub random: Random,
    /// API server.
    pub cluster: Cluster,
    /// Azure.
    pub azure: Azure,
    /// How often which fault.
    pub mix: Mix,
    /// False before and after the part with faults.
    pub faulty: bool,
    /// What happened.
    pub counts: Counts,
    /// What must hold.
    pub oracle: Oracle,
    /// Replicas.
    pub replicas: Vec<Replica>,
    /// Last term of the lease.
    pub term: i64,
    /// Calls under way.
    pub flights: Vec<Flight>,
    /// Passes under way.
    pub passes: BTreeMap<u64, PassNote>,
    /// Pass that is being polled.
    pub polling: u64,
    /// When the polled pass wants to go on.
    pub resume_at: Option<u64>,
    /// What happened, in words.
    pub trace: Trace,
    /// Deliberate mistake.
    pub bug: Option<Bug>,
    /// Answers that a deliberate mistake remembers.
    pub remembered: BTreeMap<String, ArmReply>,
    /// When trouble ends.
    pub horizon: u64,
    /// The operator's settings.
    pub settings: Arc<Settings>,
    agenda: BTreeMap<(u64, u64), Due>,
    numbers: u64,
}

/// A schedule, as ports hold it.
pub type Shared = Arc<Mutex<Sim>>;

/// The schedule. A poisoned lock only follows a failed assertion, and then the state is of no use anyway.
pub fn lock(sim: &Shared) -> MutexGuard<'_, Sim> {
    sim.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sim {
    /// The start of a schedule.
    pub fn new(seed: u64, bug: Option<Bug>, trace: bool) -> Self {
        let mut random = Random::new(seed);
        let profile = if random.permille(850) { Profile::Azure } else { Profile::Instant };
        let mut timings = acs_core::moment::Timings::default();
        if let Some(bug) = bug {
            bug.tamper(&mut timings);
        }
        let settings = Settings {
            cluster_id: "c1".to_owned(),
            service_accounts: vec![acs_wire::DEFAULT_SERVICE_ACCOUNT.to_owned()],
            clouds: vec!["Public".to_owned()],
            timings,
            relay: RelaySettings {
                image: RelayImage { image: "relay:1".to_owned(), pull_policy: "IfNotPresent".to_owned() },
                operator_namespace: "acs-operator".to_owned(),
                push_endpoint: None,
                ca_bundle: None,
                clouds: std::collections::BTreeMap::new(),
            },
        };
        let mix = Mix::draw(&mut random);
        Self {
            now: 0,
            cluster: Cluster::default(),
            azure: Azure::new(seed, profile),
            mix,
            faulty: false,
            counts: Counts::default(),
            oracle: Oracle::default(),
            replicas: Vec::new(),
            term: 0,
            flights: Vec::new(),
            passes: BTreeMap::new(),
            polling: 0,
            resume_at: None,
            trace: Trace::new(trace),
            bug,
            remembered: BTreeMap::new(),
            horizon: 0,
            settings: Arc::new(settings),
            agenda: BTreeMap::new(),
            numbers: 0,
            random,
        }
    }

    /// Both clocks.
    pub fn moment(&self) -> Moment {
        Moment { mono: self.now, wall: EPOCH + self.now }
    }

    /// A number that was never given before.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Lets something happen later.
    pub fn at(&mut self, when: u64, due: Due) {
        let number = self.number();
        self.agenda.insert((when.max(self.now), number), due);
    }

    /// When the next thing happens.
    pub fn next(&self) -> Option<u64> {
        let agenda = self.agenda.first_key_value().map(|((when, _), _)| *when);
        match (agenda, self.azure.next()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Moves time to the next thing and takes it; Azure's own timers happen by themselves.
    pub fn take_next(&mut self) -> Option<Due> {
        let when = self.next()?;
        self.now = self.now.max(when);
        self.settle();
        let due = self.agenda.first_key_value().filter(|((when, _), _)| *when <= self.now).map(|(key, _)| *key)?;
        self.agenda.remove(&due)
    }

    /// True if something is on its way that may still change the world by itself.
    pub fn is_moving(&self) -> bool {
        let quiet = |due: &Due| matches!(due, Due::Wake(..));
        !self.flights.is_empty() || self.azure.next().is_some() || self.agenda.values().any(|due| !quiet(due))
    }

    /// After anything: tells watches, lets Azure call webhooks.
    pub fn settle(&mut self) {
        for outbound in self.azure.advance(self.now) {
            self.answer_webhook(&outbound);
        }
        for change in self.cluster.take_changes() {
            if let Change::OfRelay(namespace, _) = &change {
                self.oracle.changed.insert(namespace.clone(), self.now);
            }
            if let Change::Object(object) = &change {
                self.oracle.changed.insert(object.object_ref().namespace, self.now);
            }
            if let Change::Gone(gone, uid) = &change {
                self.oracle.changed.insert(gone.namespace.clone(), self.now);
                self.collect_later(uid);
            }
            for replica in 0..self.replicas.len() {
                self.tell(replica, &change);
            }
        }
    }

    /// Something was made for an object. A writer who does not know yet that it is gone comes after the garbage collector:
    /// what names an owner that is no more is collected all the same.
    pub fn made_for(&mut self, owner: &Object) {
        if !self.cluster.lives(owner.uid()) {
            self.collect_later(owner.uid());
        }
    }

    fn collect_later(&mut self, uid: &str) {
        let when = self.now + self.random.within(100, 3_000);
        self.at(when, Due::Collect(uid.to_owned()));
    }

    fn tell(&mut self, replica: usize, change: &Change) {
        let late = if self.faulty && self.random.permille(self.mix.rate(Event::WatchLate) / 10) {
            self.counts.happened(Event::WatchLate);
            self.random.within(500, 40_000)
        } else {
            self.random.within(1, 30)
        };
        let lost = self.faulty && self.random.permille(self.mix.rate(Event::WatchLost) / 20);
        let back = self.now + self.random.within(1_000, 60_000);
        let Some(view) = self.replicas.get_mut(replica).filter(|view| view.epoch.is_some()) else { return };
        let (life, stream) = (view.life, view.stream);
        if view.deaf {
            return;
        }
        if lost {
            view.deaf = true;
            self.counts.happened(Event::WatchLost);
            return self.at(back, Due::Relist(replica, life));
        }
        view.heard_until = view.heard_until.max(self.now + late);
        let when = view.heard_until;
        self.at(when, Due::Watch(replica, stream, Box::new(change.clone())));
    }

    fn answer_webhook(&mut self, outbound: &azure_sim::model::Outbound) {
        let refused = self.faulty && self.random.permille(self.mix.rate(Event::HandshakeRefused));
        let late = self.faulty && self.random.permille(self.mix.rate(Event::HandshakeLate));
        let mut pause = self.random.within(20, 500);
        let answer = if refused {
            self.counts.happened(Event::HandshakeRefused);
            Answered::Response { status: 503, headers: Vec::new(), body: Vec::new() }
        } else if late {
            self.counts.happened(Event::HandshakeLate);
            pause = 30_000;
            Answered::Failed("timed out".to_owned())
        } else if outbound.method == "OPTIONS" {
            let grant = |name: &str| (name.to_owned(), "*".to_owned());
            let headers = vec![grant("WebHook-Allowed-Origin"), grant("WebHook-Allowed-Rate")];
            Answered::Response { status: 200, headers, body: Vec::new() }
        } else {
            let event: serde_json::Value = serde_json::from_slice(&outbound.body).unwrap_or_default();
            let code = event.pointer("/0/data/validationCode").cloned().unwrap_or_default();
            let body = serde_json::to_vec(&serde_json::json!({"validationResponse": code})).unwrap_or_default();
            Answered::Response { status: 200, headers: Vec::new(), body }
        };
        self.at(self.now + pause, Due::Handshake(outbound.id, Box::new(answer)));
    }

    /// The pass that is being polled.
    pub fn pass(&self) -> Option<&PassNote> {
        self.passes.get(&self.polling)
    }

    /// A call leaves the operator.
    pub fn take_off(&mut self, replica: usize, call: &ArmCall) {
        let Some(note) = self.pass().cloned() else { return };
        crate::oracle::call::sent(self, &note, call);
        let token = self.token(replica, &call.access, false).unwrap_or_default();
        self.flights.push(Flight {
            pass: self.polling,
            replica,
            object: note.object,
            uid: note.uid,
            looked: note.started,
            token,
            call: crate::bugs::call(self, call),
            orphan: false,
        });
    }

    /// A call reaches Azure: there it has its effect.
    pub fn land(&mut self, flight: &Flight) -> acs_core::azure::call::ArmResult {
        let request = &flight.call.request_id;
        self.flights.retain(|other| other.call.request_id != *request);
        if flight.token.is_empty() {
            return Err(crate::identity::unavailable("no token"));
        }
        let call = &flight.call;
        let path = format!("{}?api-version={}", call.path, call.api_version);
        let body = call.body.as_ref().map(|body| &body.0);
        let before = crate::oracle::call::before(self, flight);
        let result = self.azure.call(&flight.token, call.method.name(), &path, body, self.now);
        crate::oracle::call::landed(self, flight, before, result.as_ref().err());
        self.settle();
        result
    }

    /// Path of the resource that a call is about.
    pub fn resource_of(call: &ArmCall) -> &str {
        match call.method {
            Method::Post => call.path.rsplit_once('/').map_or(call.path.as_str(), |(path, _)| path),
            _ => &call.path,
        }
    }
}
