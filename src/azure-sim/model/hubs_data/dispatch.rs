//! From a notification to the platforms: whom it is for, what each gets, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::push::{Channel, Message, Outcome, Push, Silence, Way};
use super::super::world::World;
use super::notification::{Format, Notification};
use super::store::Hub;
use super::tags::Expression;
use super::template::Properties;

/// Whom a notification is for.
pub(super) enum Audience {
    Channels(Vec<Channel>),
    Tags(Expression),
    All,
}

impl Audience {
    pub(super) fn push(&self) -> Push {
        match self {
            Self::Channels(_) => Push::Direct,
            Self::Tags(_) => Push::Tagged,
            Self::All => Push::Broadcast,
        }
    }
}

/// One push, ready to go.
struct Ready {
    channel: Channel,
    registration: Option<String>,
    /// What telemetry calls the target: `apple`, `appletemplate`.
    kind: String,
    message: Message,
}

/// One push, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Delivered {
    pub(super) channel: Channel,
    pub(super) registration: Option<String>,
    pub(super) installation: Option<String>,
    pub(super) kind: String,
    pub(super) outcome: Outcome,
}

/// Hands the notification to everyone it is for, at most so many.
pub(super) fn dispatch(
    world: &mut World,
    hub: &str,
    rule: &str,
    notification: &Notification,
    audience: &Audience,
    most: usize,
) -> Vec<Delivered> {
    let (ready, skipped) = chosen(world, hub, notification, audience);
    let way = Way { hub, rule, push: audience.push() };
    let mut all = Vec::new();
    for Ready { channel, registration, kind, message } in ready.into_iter().take(most) {
        let outcome = world.hand_over(&way, &channel, &message);
        let stored = world.telephony.hubs.get(hub);
        let installation = registration.as_deref().and_then(|id| stored?.registration(id, 0)?.installation.clone());
        if outcome.removes() {
            world.telephony.hub(hub).channel_failed(&channel);
        }
        all.push(Delivered { channel, registration, installation, kind, outcome });
    }
    if all.is_empty() {
        world.telephony.silent(Silence::NoTarget);
    }
    all.extend(skipped.into_iter().take(most.saturating_sub(all.len())));
    all
}

/// The pushes to make, and the registrations whose channel another one has already.
fn chosen(world: &World, hub: &str, notification: &Notification, audience: &Audience) -> (Vec<Ready>, Vec<Delivered>) {
    let (now, empty) = (world.now(), Hub::default());
    let hub = world.telephony.hubs.get(hub).unwrap_or(&empty);
    let properties = Properties::parse(&notification.body).unwrap_or_default();
    let (mut ready, mut skipped) = (Vec::new(), Vec::new());
    if let (Audience::Channels(channels), Format::Native(platform)) = (audience, notification.format) {
        let mut seen = BTreeSet::new();
        for channel in channels {
            let kind = platform.word().to_owned();
            if seen.insert(channel) {
                let message =
                    Message { platform, body: notification.body.clone(), headers: notification.headers.clone() };
                ready.push(Ready { channel: channel.clone(), registration: None, kind, message });
            } else {
                skipped.push(skip(channel, None, None, kind));
            }
        }
        return (ready, skipped);
    }
    let mut seen: BTreeSet<&Channel> = BTreeSet::new();
    for registration in hub.registrations(now) {
        let wanted = match audience {
            Audience::Tags(expression) => expression.matches(&registration.tags),
            Audience::All => true,
            Audience::Channels(_) => false,
        };
        let channel = &registration.channel;
        let id = Some(registration.id.clone());
        let expired = registration.installation.as_ref().and_then(|id| hub.installations.get(id));
        if !wanted || expired.is_some_and(super::installation::Installation::expired) {
            continue;
        }
        match (notification.format, &registration.template) {
            (Format::Native(platform), None) if platform == channel.platform => {
                let kind = platform.word().to_owned();
                if !seen.insert(channel) {
                    skipped.push(skip(channel, id, registration.installation.clone(), kind));
                    continue;
                }
                let message =
                    Message { platform, body: notification.body.clone(), headers: notification.headers.clone() };
                ready.push(Ready { channel: channel.clone(), registration: id, kind, message });
            }
            // One for each template, also of the same device (documented).
            (Format::Template, Some(template)) => {
                let platform = channel.platform;
                let properties = properties.with(&registration.variables);
                let (body, own) = template.render(platform, &properties);
                let mut headers: BTreeMap<String, String> = notification.headers.clone();
                headers.extend(own);
                let message = Message { platform, body, headers };
                let kind = format!("{}template", platform.word());
                ready.push(Ready { channel: channel.clone(), registration: id, kind, message });
            }
            _ => {}
        }
    }
    (ready, skipped)
}

fn skip(channel: &Channel, registration: Option<String>, installation: Option<String>, kind: String) -> Delivered {
    Delivered { channel: channel.clone(), registration, installation, kind, outcome: Outcome::Skipped }
}
