//! Debug sends: the answer waits for the platforms and says what became of each device.

use super::super::journal::Effect;
use super::super::message::Response;
use super::super::push::Outcome;
use super::super::world::World;
use super::super::xml::Out;
use super::answer::of_xml;
use super::atom::{CONNECT, INSTANCE};
use super::dispatch::{Audience, dispatch};
use super::notification::Notification;
use super::{Call, send, telemetry};

/// Devices of one debug send (documented).
const DEVICES: usize = 10;

pub(super) fn send(
    world: &mut World,
    call: &Call<'_>,
    notification: &Notification,
    audience: &Audience,
) -> (Response, Effect) {
    let delivered = dispatch(world, &call.hub, &call.rule, notification, audience, DEVICES);
    let succeeded = delivered.iter().filter(|d| d.outcome == Outcome::Success).count();
    let mut out = Out::new();
    out.open("NotificationOutcome", &[("xmlns", CONNECT), ("xmlns:i", INSTANCE)])
        .leaf("Success", &succeeded.to_string())
        .leaf("Failure", &(delivered.len() - succeeded).to_string())
        .open("Results", &[]);
    for one in &delivered {
        // Direct sends have no registration; that the name is there all the same is unverified.
        out.open("RegistrationResult", &[])
            .leaf("ApplicationPlatform", one.channel.platform.word())
            .leaf("PnsHandle", &one.channel.text())
            .leaf("RegistrationId", one.registration.as_deref().unwrap_or("Unknown"))
            .leaf("Outcome", one.outcome.sentence())
            .close("RegistrationResult");
    }
    out.close("Results").close("NotificationOutcome");
    let id = send::message_id(world);
    let expression = send::tags_header(call.request).map(str::to_owned);
    telemetry::record(world, &call.hub, telemetry::Sent::completed(&id, call, notification, expression, &delivered));
    let mut response = send::accepted(world, call, "messages", &id);
    response.body = of_xml(201, out).body;
    (response, Effect::Action)
}
