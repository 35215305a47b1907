//! The front door: what holds for every request before a provider sees it.

mod admission;
mod names;

use serde_json::Value;

use super::faults::{Cut, FaultAnswer, LroFault, Sight};
use super::journal::{self, Effect, Entry, Micros, Plane};
use super::message::{DELAY_HEADER, DROP_HEADER, Request, Response};
use super::past;
use super::path::Target;
use super::refusal::{Answer, Done, Refusal};
use super::registry;
use super::world::World;
use super::{
    authorization, communication, entra, event_grid, metadata, notification_hubs, operation, resources, shapes, token,
};

use admission::admit;
pub(crate) use names::{operation_name, operation_on};

/// A request that was let in.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) target: Target,
    pub(crate) principal: String,
    pub(crate) api_version: String,
    pub(crate) body: Value,
    pub(crate) lro: Option<LroFault>,
    pub(crate) now: u64,
}

impl Call<'_> {
    pub(crate) fn method(&self) -> &str {
        &self.request.method
    }

    /// The action of a POST, in lower case.
    pub(crate) fn action(&self) -> String {
        self.target.tail.as_deref().unwrap_or_default().to_ascii_lowercase()
    }
}

/// Answers every path outside `/_sim/`, and writes it into the journal.
pub(crate) fn front(world: &mut World, request: &Request, now: u64) -> Response {
    let path = request.path.split('?').next().unwrap_or_default();
    let target = Target::parse(&request.path);
    let operation = operation_name(request, path, target.as_ref().ok());
    let principal = token::principal(world, request, now);
    let plane = if operation.starts_with("Microsoft.Entra/") { Plane::Entra } else { Plane::Arm };
    let caller = match plane {
        Plane::Entra => entra::asking(world, request).unwrap_or_default(),
        _ => principal.as_deref().unwrap_or_default().to_owned(),
    };
    let injected = if plane == Plane::Entra { entra::injected } else { injected };
    let named = target.as_ref().ok().filter(|_| world.faults.meddle()).map(Target::id);
    let witnessed_by = Witnessed { request, plane, place: path, operation, caller, named, injected };
    witnessed(world, witnessed_by, now, |world, fault, correlation| {
        let asked = Asked { request, target, principal, correlation };
        perform(world, asked, fault, now)
    })
}

/// A request as faults and journal see it.
pub(crate) struct Witnessed<'a> {
    pub(crate) request: &'a Request,
    pub(crate) plane: Plane,
    /// Where it went, without its query.
    pub(crate) place: &'a str,
    pub(crate) operation: String,
    pub(crate) caller: String,
    /// The resource it names, where a fault may ask for it.
    pub(crate) named: Option<String>,
    /// How an injected status is answered here.
    pub(crate) injected: fn(&FaultAnswer, &Sight<'_>) -> Response,
}

/// Performs a request unless a fault prevents it, and writes it into the journal.
pub(crate) fn witnessed(
    world: &mut World,
    seen: Witnessed<'_>,
    now: u64,
    perform: impl FnOnce(&mut World, &FaultAnswer, &str) -> (Response, Effect),
) -> Response {
    let Witnessed { request, plane, place, operation, caller, named, injected } = seen;
    let whole = if request.query().is_empty() { place.to_owned() } else { format!("{place}?{}", request.query()) };
    let sight = Sight { plane, operation: &operation, method: &request.method, path: &whole, principal: &caller };
    let seed = world.config().seed;
    // Looked at first: counting is a change.
    let struck = if world.faults.concerns(&sight) { world.faults.strike(&sight, seed, now) } else { None };
    let (fault, answer) = struck.map_or_else(Default::default, |(id, answer)| (Some(id), answer));
    let given = journal::correlation(request.header("x-ms-correlation-request-id"));
    let correlation = given.unwrap_or_else(|| world.random.guid());
    let prevented = answer.drop == Some(Cut::Before) || (answer.status.is_some() && !answer.performed);
    let (done, effect) =
        if prevented { (Response::empty(502), Effect::None) } else { perform(world, &answer, &correlation) };
    let replaced = answer.status.is_some() && answer.drop != Some(Cut::Before);
    let mut response = if replaced { injected(&answer, &sight) } else { done };
    world.journal.record(Entry {
        sequence: 0,
        time: now,
        plane,
        method: request.method.clone(),
        path: place.into(),
        operation,
        principal: caller,
        status: response.status,
        code: journal::code(&response),
        effect,
        resource: None,
        // What a fault holds back; the rest is measured where there is a clock.
        duration: Micros(answer.delay_ms.unwrap_or(0).saturating_mul(1000)),
        correlation_id: correlation.clone(),
        fault,
        out_of_band: false,
    });
    if let (Some(after), Some(named), Some(fault), false) = (&answer.after, named, fault, prevented) {
        after.follow(world, &named, fault);
    }
    identify(world, request, &mut response, correlation);
    if let Some(cut) = answer.drop {
        response = response.with(DROP_HEADER, if cut == Cut::Before { "before" } else { "after" });
    }
    match answer.delay_ms {
        Some(delay) => response.with(DELAY_HEADER, delay.to_string()),
        None => response,
    }
}

/// A request as far as it was understood.
struct Asked<'a> {
    request: &'a Request,
    target: Result<Target, Refusal>,
    principal: Result<String, Refusal>,
    correlation: &'a str,
}

fn perform(world: &mut World, asked: Asked<'_>, fault: &FaultAnswer, now: u64) -> (Response, Effect) {
    let Asked { request, target, principal, correlation } = asked;
    if let Some(response) = entra::answer(world, request, now) {
        let effect = if response.status == 200 { Effect::Read } else { Effect::None };
        return (response, effect);
    }
    if let Some(response) = metadata::answer(world, request) {
        let effect = if response.status == 200 { Effect::Read } else { Effect::None };
        return (response, effect);
    }
    if let Some(response) = event_grid::validation_fetched(world, request) {
        return (response, Effect::None);
    }
    let mut headers = Vec::new();
    let answer = principal
        .and_then(|principal| Ok((principal, target?)))
        .and_then(|(principal, target)| admit(world, request, target, principal, fault.lro, now, &mut headers))
        .and_then(|call| match fault.stale_ms.filter(|_| call.method() == "GET") {
            Some(lag) => past::looking_back(world, lag, |world| authorized(world, &call)),
            None => {
                let done = authorized(world, &call)?;
                event_grid::resource_events::performed(world, &call, correlation, &done);
                Ok(done)
            }
        });
    let (mut response, effect) = match answer {
        Ok(Done { response, effect }) => (response, effect),
        Err(refusal) => (refusal.response(), Effect::None),
    };
    response.headers.extend(headers);
    (response, effect)
}

/// Rights, registration, locks and group come before the provider, in this order.
fn authorized(world: &mut World, call: &Call<'_>) -> Answer {
    let path = call.request.path.split('?').next().unwrap_or_default();
    let action = operation_name(call.request, path, Some(&call.target));
    authorization::roles::require(world, call, &action)?;
    let done = provider(world, call)?;
    Ok(Done { response: shapes::seen(call, done.response), ..done })
}

fn provider(world: &mut World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    let Some(namespace) = target.namespace.as_deref() else {
        authorization::locks::require(world, call)?;
        return resources::answer(world, call);
    };
    if resources::providers::is_registration(target) {
        return resources::providers::registration(world, call, namespace);
    }
    resources::require_registered(world, target, namespace)?;
    authorization::locks::require(world, call)?;
    resources::require_group(world, call)?;
    if call.method() == "HEAD" && target.resource_type().is_some() && target.tail.is_none() {
        // "Check existence by id" of ARM, of any resource (documented).
        let status = if world.resources.contains_key(&target.key()) { 204 } else { 404 };
        return Ok(Done::new(Effect::Read, Response::empty(status)));
    }
    let hubs = namespace.eq_ignore_ascii_case(registry::NOTIFICATION_HUBS);
    if recorded(target, hubs) && call.method() == "GET" {
        return operation::status(world, call);
    }
    let offered = registry::provider(namespace).filter(|_| target.types.is_empty() && call.action() == "operations");
    if let Some(provider) = offered {
        return resources::providers::operations(call, provider);
    }
    if namespace.eq_ignore_ascii_case(registry::COMMUNICATION) {
        communication::answer(world, call)
    } else if hubs {
        notification_hubs::answer(world, call)
    } else if namespace.eq_ignore_ascii_case(registry::EVENT_GRID) {
        event_grid::answer(world, call)
    } else if namespace.eq_ignore_ascii_case(registry::AUTHORIZATION) {
        authorization::locks::answer(world, call)
    } else {
        resources::answer(world, call)
    }
}

/// Whether a path names the record of an operation. A namespace's deletion has no record of its own.
fn recorded(target: &Target, hubs: bool) -> bool {
    let record = target.types.last().map_or("", String::as_str);
    matches!(record, "operationstatuses" | "operationsstatus" | "operations") || (record == "operationresults" && !hubs)
}

/// ARM's words for a type it does not know.
pub(crate) fn unknown_type(call: &Call<'_>) -> Refusal {
    let message = format!(
        "The resource type '{}' could not be found in the namespace '{}' for api version '{}'.",
        call.target.types.first().or(call.target.tail.as_ref()).map_or("", String::as_str),
        call.target.namespace.as_deref().unwrap_or_default(),
        call.api_version
    );
    Refusal::new(404, "InvalidResourceType", message)
}

/// ARM's words for a resource that is not there.
pub(crate) fn not_found(target: &Target) -> Refusal {
    let kind = target.resource_type().map_or("", |t| t.activity);
    let message = format!(
        "The Resource '{kind}/{}' under resource group '{}' was not found. For more details please go to \
         https://aka.ms/ARMResourceNotFoundFix",
        target.names.join("/"),
        target.group.as_deref().unwrap_or("<null>")
    );
    Refusal::new(404, "ResourceNotFound", message)
}

/// A write while another one runs (the RPC contract allows 409; which word each provider takes is not recorded).
pub(crate) fn busy(id: &str) -> Refusal {
    let message = format!("Another operation is in progress on resource '{id}'. Please retry later.");
    Refusal::new(409, "AnotherOperationInProgress", message)
}

pub(crate) fn injected(answer: &FaultAnswer, sight: &Sight<'_>) -> Response {
    let status = answer.status.unwrap_or(500);
    let (code, message) = match status {
        401 => ("InvalidAuthenticationToken", "The access token is invalid.".to_owned()),
        403 => ("AuthorizationFailed", denial(sight)),
        408 => ("RequestTimeout", "The request timed out.".to_owned()),
        429 => ("TooManyRequests", "The request is being throttled.".to_owned()),
        503 => ("ServiceUnavailable", "The service is unavailable. Please retry later.".to_owned()),
        504 => ("GatewayTimeout", "The gateway did not receive a response within the specified time.".to_owned()),
        _ => ("InternalServerError", "Encountered internal server error.".to_owned()),
    };
    let code = answer.code.as_deref().unwrap_or(code);
    let mut refusal = Refusal::new(status, code, answer.message.clone().unwrap_or(message));
    if let Some(seconds) = answer.retry_after {
        refusal = refusal.header("retry-after", seconds.to_string());
    }
    refusal.response()
}

fn denial(sight: &Sight<'_>) -> String {
    let scope = sight.path.split('?').next().unwrap_or_default();
    format!(
        "The client '{0}' with object id '{0}' does not have authorization to perform action '{1}' over scope '{scope}' \
         or the scope is invalid. If access was recently granted, please refresh your credentials.",
        sight.principal, sight.operation
    )
}

fn identify(world: &mut World, request: &Request, response: &mut Response, correlation: String) {
    let id = world.random.guid();
    response.headers.push(("x-ms-routing-request-id".into(), format!("SIMULATOR:{id}")));
    response.headers.push(("x-ms-request-id".into(), id));
    response.headers.push(("x-ms-correlation-request-id".into(), correlation));
    let wants = request.header("x-ms-return-client-request-id").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if let Some(client) = request.header("x-ms-client-request-id").filter(|_| wants) {
        response.headers.push(("x-ms-client-request-id".into(), client.into()));
    }
}
