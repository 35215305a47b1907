//! The port that the shipped engine runs on here: every call is a point where time passes, others run, and faults strike.

use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use acs_core::azure::call::{ArmCall, ArmResult, Method};
use acs_core::azure::error::{AzureError, Class, Fate, Fault as CoreFault};
use acs_core::moment::Moment;
use acs_core::reason::Reason;
use acs_core::world::{Answer, Read};
use acs_operator::engine::{Effect, Effected, Port};
use azure_sim::model::{Fault as AzureFault, FaultAnswer, LroFault};

use crate::azure::silence;
use crate::cluster::Wrote;
use crate::faults::{Fault, Site};
use crate::sim::{Due, Shared, Sim, lock};

/// One replica's port.
pub struct SimPort {
    sim: Shared,
    replica: usize,
}

/// How a call goes.
struct Course {
    site: Site,
    fault: Option<Fault>,
    /// Milliseconds until it takes effect.
    before: u64,
    /// Milliseconds until its answer is there.
    after: u64,
}

struct Sleep<'a> {
    sim: &'a Shared,
    until: u64,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut sim = lock(self.sim);
        if sim.now >= self.until {
            return Poll::Ready(());
        }
        sim.resume_at = Some(self.until);
        Poll::Pending
    }
}

impl SimPort {
    /// The port of a replica.
    pub fn new(sim: Shared, replica: usize) -> Self {
        Self { sim, replica }
    }

    async fn sleep(&self, pause: u64) {
        if pause > 0 {
            let until = lock(&self.sim).now + pause;
            Sleep { sim: &self.sim, until }.await;
        }
    }

    async fn crash(&self) {
        if let Some(view) = lock(&self.sim).replicas.get_mut(self.replica) {
            view.crash = true;
        }
        pending().await
    }
}

impl Port for SimPort {
    async fn perform(&self, effect: Effect<'_>) -> Effected {
        let course = lock(&self.sim).begin(self.replica, &effect);
        if course.fault == Some(Fault::CrashBefore) {
            self.crash().await;
        }
        self.sleep(course.before).await;
        let effected = lock(&self.sim).execute(self.replica, &effect, &course);
        if course.fault == Some(Fault::CrashAfter) {
            self.crash().await;
        }
        self.sleep(course.after).await;
        effected
    }

    fn now(&self) -> Moment {
        let sim = lock(&self.sim);
        crate::bugs::now(&sim)
    }

    fn jitter(&self) -> f64 {
        lock(&self.sim).random.unit()
    }

    fn nonce(&self) -> String {
        let number = lock(&self.sim).number();
        format!("00000000-0000-4000-8000-{number:012x}")
    }

    fn fresh_key(&self) -> secrecy::SecretString {
        let number = lock(&self.sim).number();
        format!("{number:043}").into()
    }

    fn epoch(&self) -> Option<i64> {
        let sim = lock(&self.sim);
        crate::bugs::epoch(&sim, self.replica)
    }
}

impl Sim {
    fn begin(&mut self, replica: usize, effect: &Effect<'_>) -> Course {
        let site = Site::of(effect);
        self.counts.called(site);
        let fault = if self.faulty { self.mix.strike(site, &mut self.random) } else { None };
        if let Some(fault) = fault {
            self.counts.struck(site, fault);
        }
        let (low, high) = site.latency();
        let whole = self.random.within(low, high);
        let mut before = self.random.below(whole + 1);
        let mut after = whole - before;
        match fault {
            Some(Fault::Slow) => {
                let (near, far) = if self.random.permille(700) { (500, 8_000) } else { (8_000, 200_000) };
                after += self.random.within(near, far);
                // A call that Azure has not answered is given up.
                if site.is_send() || site.is_arm_read() {
                    after = after.min(60_000);
                }
            }
            Some(Fault::Dropped | Fault::ReplyLost | Fault::Late | Fault::Unreachable) => {
                let timeout = if site.is_send() || site.is_arm_read() { 60_000 } else { 5_000 };
                after += self.random.within(10, timeout);
                if site.is_send() {
                    before = before.min(200);
                    after = after.min(timeout);
                }
            }
            _ => {}
        }
        if let Effect::Send(call) = effect
            && fault != Some(Fault::CrashBefore)
        {
            self.take_off(replica, call);
        }
        if self.trace.is_kept() || fault.is_some() || !matches!(effect, Effect::Read(_)) {
            self.note_call(replica, effect, site, fault);
        }
        Course { site, fault, before, after }
    }

    fn note_call(&mut self, replica: usize, effect: &Effect<'_>, site: Site, fault: Option<Fault>) {
        let object = self.pass().map(|note| note.object.to_string()).unwrap_or_default();
        let fault = fault.map_or("", Fault::name);
        let detail = match effect {
            Effect::Send(call) => {
                format!("{} {} {}", call.request_id, call.method.name(), crate::trace::short(&call.path))
            }
            Effect::Read(Read::Arm { path, .. }) if self.trace.is_kept() => crate::trace::short(path).to_owned(),
            Effect::WriteStatus { status, .. } if self.trace.is_kept() => crate::trace::ready_of(status),
            Effect::WriteSecret { write, .. } => write.name.clone(),
            _ => String::new(),
        };
        self.trace.note(self.now, format_args!("r{replica} {object}: {} {detail} {fault}", site.name()));
    }

    fn execute(&mut self, replica: usize, effect: &Effect<'_>, course: &Course) -> Effected {
        let effected = match effect {
            Effect::Fetch(_) if course.fault == Some(Fault::Unreachable) => Effected::Failed(unreachable()),
            Effect::Fetch(target) => {
                let object = crate::bugs::fetch(self, replica, target);
                crate::oracle::fetched(self, object.as_deref());
                Effected::Object(object)
            }
            Effect::Read(read) => self.read(replica, read, course),
            Effect::Send(call) => Effected::Arm(self.send(call, course)),
            Effect::Notify { .. } => Effected::Done,
            write => self.write(write, course),
        };
        self.settle();
        effected
    }

    fn write(&mut self, effect: &Effect<'_>, course: &Course) -> Effected {
        match course.fault {
            Some(Fault::Unreachable) => return Effected::Failed(unreachable()),
            Some(Fault::Rival) => self.rival(effect),
            _ => {}
        }
        let wrote = match effect {
            Effect::WriteStatus { object, status } => {
                let wrote = crate::bugs::write_status(self, object, status, course.site);
                if wrote == Wrote::Done {
                    crate::oracle::status_written(self, object, status);
                }
                wrote
            }
            Effect::Claim { object, azure_name } => self.cluster.claim(object, *azure_name),
            Effect::Release { object } => {
                let wrote = self.cluster.release(object);
                if wrote == Wrote::Done {
                    crate::oracle::released(self, object);
                }
                wrote
            }
            Effect::WriteSecret { object, write } => {
                let namespace = object.meta().namespace.clone().unwrap_or_default();
                let wrote = self.cluster.write_secret(&namespace, object.uid(), write);
                if wrote == Wrote::Done {
                    crate::oracle::secret_written(self, object, write);
                }
                wrote
            }
            Effect::DeleteSecret { namespace, name, resource_version } => {
                self.cluster.delete_secret(namespace, name, Some(resource_version))
            }
            Effect::Apply { object, child } => {
                let namespace = object.meta().namespace.clone().unwrap_or_default();
                self.cluster.apply_child(&namespace, child)
            }
            Effect::DeleteChild { namespace, kind, name, uid } => {
                self.cluster.delete_child(namespace, *kind, name, uid)
            }
            Effect::HoldSecret { namespace, name, hold } => crate::bugs::hold_secret(self, namespace, name, *hold),
            Effect::Fetch(_) | Effect::Read(_) | Effect::Send(_) | Effect::Notify { .. } => Wrote::Done,
        };
        if let Effect::WriteSecret { object, .. } | Effect::Apply { object, .. } = effect {
            self.made_for(object);
        }
        self.oracle.wrote(self.now, course.site);
        match (wrote, course.fault) {
            (_, Some(Fault::ReplyLost)) => Effected::Failed(unreachable()),
            (Wrote::Done, _) => Effected::Done,
            (Wrote::Conflict, _) => Effected::Conflict,
            (Wrote::Refused, _) => {
                Effected::Failed(CoreFault::blocked(Reason::KubernetesForbidden, "The API server says no."))
            }
        }
    }

    /// Someone else writes first, so that the compare-and-swap meets a real conflict.
    fn rival(&mut self, effect: &Effect<'_>) {
        match effect {
            Effect::WriteStatus { object, .. } | Effect::Claim { object, .. } | Effect::Release { object } => {
                self.cluster.touch(&object.object_ref());
            }
            Effect::WriteSecret { object, write } => {
                let namespace = object.meta().namespace.clone().unwrap_or_default();
                if write.replaces.is_some() {
                    self.cluster.apply_secret(&namespace, &write.name, &[("rival", "1")]);
                }
            }
            _ => {}
        }
    }

    fn read(&mut self, replica: usize, read: &Read, course: &Course) -> Effected {
        if course.fault == Some(Fault::Unreachable) && !course.site.is_arm_read() && course.site != Site::ReadToken {
            return Effected::Failed(unreachable());
        }
        let view = self.replicas.get(replica).map(|view| &view.dispatch);
        Effected::Answer(match read {
            Read::Object(target) => {
                Answer::Object(view.and_then(|view| view.get(target)).map(|object| Box::new(object.as_ref().clone())))
            }
            Read::Objects(kind, namespace) => {
                let all = view.into_iter().flat_map(|view| view.all(*kind, namespace));
                Answer::Objects(all.map(|object| object.as_ref().clone()).collect())
            }
            Read::Secret(namespace, name) => Answer::Secret(crate::bugs::secret_view(self, namespace, name)),
            Read::Terminating(namespace) => Answer::Terminating(self.cluster.is_terminating(namespace)),
            Read::Assertion(access) => {
                let at_hand = self.replicas.get(replica).is_some_and(|view| view.assertions.contains(&access.account));
                Answer::Assertion(at_hand.then(|| "assertion".to_owned().into()))
            }
            Read::Child(namespace, kind, name) => Answer::Child(self.cluster.child_view(namespace, *kind, name)),
            Read::Pods(..) => Answer::Pods(Vec::new()),
            Read::Relays(addresses) => {
                let silent = |address: &String| (address.clone(), Err("there are no pods".to_owned()));
                Answer::Relays(addresses.iter().map(silent).collect())
            }
            Read::Handshakes(with) => {
                Answer::Handshakes(with.iter().map(|_| Err("there are no gateways".to_owned())).collect())
            }
            Read::Token(access, _) => Answer::Token(match course.fault {
                Some(Fault::Unreachable) => Err(silence()),
                _ => self.token(replica, access, true).map(|_| ()),
            }),
            Read::Arm { access, .. } | Read::ArmList { access, .. } | Read::Poll { access, .. } => {
                let result = match (injected(course.fault, &mut self.random), self.token(replica, access, false)) {
                    (Some(error), _) => Err(error),
                    (None, Err(error)) => Err(error),
                    (None, Ok(token)) => self.read_azure(&token, read),
                };
                Answer::Arm(result)
            }
        })
    }

    fn read_azure(&mut self, token: &str, read: &Read) -> ArmResult {
        let result = match read {
            Read::Arm { method: Method::Get, path, api_version, .. } => {
                self.azure.get(token, path, api_version, self.now)
            }
            Read::Arm { method, path, api_version, .. } => {
                self.azure.call(token, method.name(), &format!("{path}?api-version={api_version}"), None, self.now)
            }
            Read::ArmList { path, api_version, .. } => self.azure.list(token, path, api_version, self.now),
            Read::Poll { url, .. } => self.azure.poll(token, url, self.now),
            _ => Err(silence()),
        };
        crate::bugs::read(self, read, result)
    }

    fn send(&mut self, call: &ArmCall, course: &Course) -> ArmResult {
        let Some(mut flight) = self.flights.iter().find(|flight| flight.call.request_id == call.request_id).cloned()
        else {
            return Err(silence());
        };
        let result = match course.fault {
            Some(Fault::Late) => {
                flight.orphan = true;
                self.flights.iter_mut().filter(|f| f.call.request_id == call.request_id).for_each(|f| f.orphan = true);
                // The client's patience and the server's own, and no more: that is what the quarantine is made of.
                let timings = acs_core::moment::Timings::default();
                let last = timings.request_timeout + timings.server_margin - course.before;
                let when = self.now + self.random.within(1, last);
                self.at(when, Due::Land(Box::new(flight)));
                Err(silence())
            }
            Some(Fault::Dropped) => Err(self.not_landed(call, silence())),
            Some(Fault::ReplyLost) => {
                let _ = self.land(&flight);
                Err(silence())
            }
            Some(fault @ (Fault::Unavailable | Fault::Internal)) if self.random.permille(500) => {
                // A gateway's error proves nothing: here the call went through.
                let _ = self.land(&flight);
                Err(injected(Some(fault), &mut self.random).unwrap_or_else(silence))
            }
            Some(fault @ (Fault::OperationFails | Fault::OperationLost)) => {
                let lro = if fault == Fault::OperationFails { LroFault::Fail } else { LroFault::Lost };
                let answer = FaultAnswer { lro: Some(lro), ..FaultAnswer::default() };
                self.azure.world.place_fault(AzureFault { times: Some(1), answer, ..AzureFault::default() });
                let result = self.land(&flight);
                self.azure.world.clear_faults();
                result
            }
            Some(Fault::ReadsLag) => {
                let until = self.now + self.random.within(500, 30_000);
                self.oracle.lagged = true;
                self.azure.lag(Self::resource_of(call), until);
                self.land(&flight)
            }
            fault => match injected(fault, &mut self.random) {
                Some(error) => Err(self.not_landed(call, error)),
                None => self.land(&flight),
            },
        };
        crate::bugs::reply(self, result)
    }

    fn not_landed(&mut self, call: &ArmCall, error: AzureError) -> AzureError {
        self.flights.retain(|flight| flight.call.request_id != call.request_id);
        error
    }
}

/// Azure's answer to a call that it does not do.
fn injected(fault: Option<Fault>, random: &mut crate::random::Random) -> Option<AzureError> {
    let error = |status: u16, code: &str, fate| AzureError {
        status: Some(status),
        fate,
        ..AzureError::of_operation(code, "injected")
    };
    Some(match fault? {
        Fault::Unreachable => silence(),
        Fault::Throttled => {
            let retry_after = Some(random.within(0, 60) * 1000);
            AzureError { retry_after, ..error(429, "TooManyRequests", Fate::NotApplied) }
        }
        Fault::Unavailable => error(503, "ServiceUnavailable", Fate::Unknown),
        Fault::Internal => error(500, "InternalServerError", Fate::Unknown),
        Fault::Busy => error(409, "AnotherOperationInProgress", Fate::NotApplied),
        Fault::Forbidden => error(403, "AuthorizationFailed", Fate::NotApplied),
        _ => return None,
    })
}

fn unreachable() -> CoreFault {
    let message = "The API server does not answer.".to_owned();
    CoreFault { reason: Reason::RetryingAzureError, message, class: Class::Retry }
}
