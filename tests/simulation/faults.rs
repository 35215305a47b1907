//! Where faults strike and which there are. A schedule draws a mix of its own: many have only a few kinds, some have none.

use acs_core::azure::call::Method;
use acs_core::world::Read;
use acs_operator::engine::Effect;

use crate::random::Random;

macro_rules! closed {
    ($(#[$doc:meta])* $name:ident { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "named by what they are")]
        pub enum $name { $($variant),+ }

        impl $name {
            /// Every one.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// Name.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant)),+ }
            }
        }
    };
}

closed! {
    /// What the engine does, as far as faults differ by it.
    Site {
        Fetch, ReadObject, ReadObjects, ReadSecret, ReadTerminating, ReadToken, ReadAssertion, ReadArm, ReadKeys, ReadList,
        ReadPoll, ReadChild, ReadPods, AskRelay, WriteStatus, WriteIntent, Claim, Release, WriteSecret, DeleteSecret, HoldSecret, Apply, DeleteChild, SendPut, SendPatch,
        SendPost, SendDelete, Notify,
    }
}

closed! {
    /// What can go wrong at a call.
    Fault {
        CrashBefore, CrashAfter, Slow, Unreachable, ReplyLost, Rival, Dropped, Late, Throttled, Unavailable, Internal, Busy,
        Forbidden, OperationFails, OperationLost, ReadsLag,
    }
}

closed! {
    /// What goes wrong beside calls.
    Event { SecondLeader, WatchLate, WatchLost, HandshakeRefused, HandshakeLate, UserEdit, PortalEdit, Deletion, NamespaceDeletion, SecretGone, CredentialLost }
}

impl Site {
    /// The site of an effect. Total by the closed set: a new effect does not compile until it has a site.
    pub fn of(effect: &Effect<'_>) -> Self {
        match effect {
            Effect::Fetch(_) => Site::Fetch,
            Effect::Read(read) => Site::of_read(read),
            Effect::WriteStatus { object, status } => {
                let before = object.status().map(|status| status.operations.as_slice()).unwrap_or_default();
                let after = status.get("operations").and_then(serde_json::Value::as_array).into_iter().flatten();
                let id = |operation: &serde_json::Value| {
                    operation.get("id").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
                };
                let announces = after.map(id).any(|id| before.iter().all(|known| known.id != id));
                if announces { Site::WriteIntent } else { Site::WriteStatus }
            }
            Effect::Claim { .. } => Site::Claim,
            Effect::Release { .. } => Site::Release,
            Effect::WriteSecret { .. } => Site::WriteSecret,
            Effect::DeleteSecret { .. } => Site::DeleteSecret,
            Effect::HoldSecret { .. } => Site::HoldSecret,
            Effect::Apply { .. } => Site::Apply,
            Effect::DeleteChild { .. } => Site::DeleteChild,
            Effect::Send(call) => match call.method {
                Method::Put => Site::SendPut,
                Method::Patch => Site::SendPatch,
                Method::Delete => Site::SendDelete,
                Method::Post | Method::Get => Site::SendPost,
            },
            Effect::Notify { .. } => Site::Notify,
        }
    }

    fn of_read(read: &Read) -> Self {
        match read {
            Read::Object(_) => Site::ReadObject,
            Read::Objects(..) => Site::ReadObjects,
            Read::Secret(..) => Site::ReadSecret,
            Read::Terminating(_) => Site::ReadTerminating,
            Read::Token(..) => Site::ReadToken,
            Read::Assertion(_) => Site::ReadAssertion,
            Read::Arm { method: Method::Get, .. } => Site::ReadArm,
            Read::Arm { .. } => Site::ReadKeys,
            Read::ArmList { .. } => Site::ReadList,
            Read::Poll { .. } => Site::ReadPoll,
            Read::Child(..) => Site::ReadChild,
            Read::Pods(..) => Site::ReadPods,
            Read::Relays(_) | Read::Handshakes(_) => Site::AskRelay,
        }
    }

    fn is_cached(self) -> bool {
        matches!(self, Site::ReadObject | Site::ReadObjects | Site::ReadAssertion)
    }

    fn is_write(self) -> bool {
        matches!(self, Site::WriteStatus | Site::WriteIntent | Site::Claim | Site::Release)
            || matches!(self, Site::Apply | Site::DeleteChild)
            || self.is_secret_write()
    }

    fn is_secret_write(self) -> bool {
        matches!(self, Site::WriteSecret | Site::DeleteSecret | Site::HoldSecret)
    }

    /// True for calls that few schedules make.
    fn is_rare(self) -> bool {
        matches!(self, Site::DeleteSecret | Site::DeleteChild | Site::ReadAssertion)
    }

    /// True for calls that change Azure.
    pub fn is_send(self) -> bool {
        matches!(self, Site::SendPut | Site::SendPatch | Site::SendPost | Site::SendDelete)
    }

    /// True for calls that read Azure.
    pub fn is_arm_read(self) -> bool {
        matches!(self, Site::ReadArm | Site::ReadKeys | Site::ReadList | Site::ReadPoll)
    }

    /// Milliseconds that a call takes when all is well.
    pub fn latency(self) -> (u64, u64) {
        if self.is_cached() {
            (0, 0)
        } else if self.is_send() || self.is_arm_read() || self == Site::ReadToken {
            (20, 400)
        } else {
            (1, 20)
        }
    }
}

impl Fault {
    /// True where that fault can happen.
    pub fn fits(self, site: Site) -> bool {
        let arm = site.is_send() || site.is_arm_read();
        match self {
            // There are no pods here, so no relay is ever asked.
            _ if site == Site::AskRelay => false,
            Fault::CrashBefore | Fault::CrashAfter => true,
            Fault::Slow => !site.is_cached(),
            Fault::Unreachable => !site.is_cached() && !site.is_send(),
            Fault::ReplyLost => site.is_write() || site.is_send(),
            Fault::Rival => {
                matches!(site, Site::WriteStatus | Site::WriteIntent | Site::Claim | Site::Release | Site::WriteSecret)
            }
            Fault::Dropped | Fault::Late => site.is_send(),
            Fault::Throttled | Fault::Unavailable | Fault::Internal | Fault::Forbidden => arm,
            Fault::Busy => site.is_send(),
            Fault::OperationFails | Fault::OperationLost => {
                matches!(site, Site::SendPut | Site::SendPatch | Site::SendDelete)
            }
            Fault::ReadsLag => matches!(site, Site::SendPut | Site::SendPatch),
        }
    }
}

/// How often each fault strikes, in thousandths of the calls where it can.
#[derive(Clone, Debug, Default)]
pub struct Mix {
    calls: Vec<(Fault, u32)>,
    events: Vec<(Event, u32)>,
}

impl Mix {
    /// Draws a mix. One schedule in twenty has no faults at all.
    pub fn draw(random: &mut Random) -> Self {
        if random.permille(50) {
            return Self::default();
        }
        // In some schedules nearly everything is on, in others one or two kinds, at a higher rate.
        let (on, rates): (u32, &[u32]) = if random.permille(400) { (600, &[3, 8, 20]) } else { (180, &[10, 40, 120]) };
        let mut mix = Self::default();
        for fault in Fault::ALL {
            if random.permille(on) {
                mix.calls.push((*fault, random.pick(rates).copied().unwrap_or_default()));
            }
        }
        for event in Event::ALL {
            if random.permille(on.max(400)) {
                mix.events.push((*event, random.pick(&[100, 300, 600]).copied().unwrap_or_default()));
            }
        }
        mix
    }

    /// The fault that strikes a call at a site, if one does.
    pub fn strike(&self, site: Site, random: &mut Random) -> Option<Fault> {
        let mut struck = None;
        for (fault, rate) in &self.calls {
            // There are few mutating calls, and most depends on them; some others are made once in hundreds of schedules.
            let factor = if site.is_rare() { 16 } else { 4 };
            let rate = if site.is_send() || site.is_rare() { (rate * factor).min(400) } else { *rate };
            if fault.fits(site) && random.permille(rate) && struck.is_none() {
                struck = Some(*fault);
            }
        }
        struck
    }

    /// Rate of an event, in thousandths of the occasions for it.
    pub fn rate(&self, event: Event) -> u32 {
        self.events.iter().find(|(kind, _)| *kind == event).map_or(0, |(_, rate)| *rate)
    }
}

/// How often what happened.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Calls by site.
    pub calls: Vec<u64>,
    /// Faults by site and kind.
    struck: Vec<u64>,
    /// Events by kind.
    events: Vec<u64>,
    /// Passes.
    pub passes: u64,
    /// Crashes.
    pub crashes: u64,
    /// Changes of leader.
    pub terms: u64,
    /// Virtual milliseconds.
    pub virtual_ms: u64,
}

impl Counts {
    fn bump(list: &mut Vec<u64>, at: usize) {
        if list.len() <= at {
            list.resize(at + 1, 0);
        }
        if let Some(count) = list.get_mut(at) {
            *count += 1;
        }
    }

    /// A call was made.
    pub fn called(&mut self, site: Site) {
        Self::bump(&mut self.calls, site as usize);
    }

    /// A fault struck.
    pub fn struck(&mut self, site: Site, fault: Fault) {
        Self::bump(&mut self.struck, site as usize * Fault::ALL.len() + fault as usize);
    }

    /// Something else went wrong.
    pub fn happened(&mut self, event: Event) {
        Self::bump(&mut self.events, event as usize);
    }

    /// Calls at a site.
    pub fn calls_at(&self, site: Site) -> u64 {
        self.calls.get(site as usize).copied().unwrap_or_default()
    }

    /// Strikes of a fault at a site.
    pub fn strikes(&self, site: Site, fault: Fault) -> u64 {
        self.struck.get(site as usize * Fault::ALL.len() + fault as usize).copied().unwrap_or_default()
    }

    /// Strikes of a fault at every site.
    pub fn of_fault(&self, fault: Fault) -> u64 {
        Site::ALL.iter().map(|site| self.strikes(*site, fault)).sum()
    }

    /// How often an event happened.
    pub fn of_event(&self, event: Event) -> u64 {
        self.events.get(event as usize).copied().unwrap_or_default()
    }

    /// Adds what another schedule counted.
    pub fn add(&mut self, other: &Counts) {
        for (mine, theirs) in
            [(&mut self.calls, &other.calls), (&mut self.struck, &other.struck), (&mut self.events, &other.events)]
        {
            if mine.len() < theirs.len() {
                mine.resize(theirs.len(), 0);
            }
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
        self.passes += other.passes;
        self.crashes += other.crashes;
        self.terms += other.terms;
        self.virtual_ms += other.virtual_ms;
    }
}
