//! The front door: what holds for every request before a provider sees it.

use serde_json::Value;

use super::faults::{Cut, FaultAnswer, LroFault, Sight};
use super::journal::{self, Effect, Entry, Micros, Plane};
use super::message::{DELAY_HEADER, DROP_HEADER, Request, Response};
use super::path::Target;
use super::refusal::{Answer, Done, Refusal};
use super::registry::{self, Kind};
use super::throttle::Cost;
use super::world::World;
use super::{communication, entra, event_grid, groups, notification_hubs, operation, token};

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
    let witnessed_by = Witnessed { request, plane, place: path, operation, caller, injected };
    witnessed(world, witnessed_by, now, |world, lro| perform(world, request, target, principal, lro, now))
}

/// A request as faults and journal see it.
pub(crate) struct Witnessed<'a> {
    pub(crate) request: &'a Request,
    pub(crate) plane: Plane,
    /// Where it went, without its query.
    pub(crate) place: &'a str,
    pub(crate) operation: String,
    pub(crate) caller: String,
    /// How an injected status is answered here.
    pub(crate) injected: fn(&FaultAnswer, &Sight<'_>) -> Response,
}

/// Performs a request unless a fault prevents it, and writes it into the journal.
pub(crate) fn witnessed(
    world: &mut World,
    seen: Witnessed<'_>,
    now: u64,
    perform: impl FnOnce(&mut World, Option<LroFault>) -> (Response, Effect),
) -> Response {
    let Witnessed { request, plane, place, operation, caller, injected } = seen;
    let whole = if request.query().is_empty() { place.to_owned() } else { format!("{place}?{}", request.query()) };
    let sight = Sight { operation: &operation, method: &request.method, path: &whole, principal: &caller };
    // Looked at first: counting is a change.
    let struck = if world.faults.concerns(&sight) { world.faults.strike(&sight) } else { None };
    let (fault, answer) = struck.map_or_else(Default::default, |(id, answer)| (Some(id), answer));
    let given = journal::correlation(request.header("x-ms-correlation-request-id"));
    let correlation = given.unwrap_or_else(|| world.random.guid());
    let (mut response, effect) = if answer.drop == Some(Cut::Before) {
        (Response::empty(502), Effect::None)
    } else if answer.status.is_some() && !answer.performed {
        (injected(&answer, &sight), Effect::None)
    } else {
        let (done, effect) = perform(world, answer.lro);
        if answer.status.is_some() { (injected(&answer, &sight), effect) } else { (done, effect) }
    };
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
    });
    identify(world, request, &mut response, correlation);
    if let Some(cut) = answer.drop {
        response = response.with(DROP_HEADER, if cut == Cut::Before { "before" } else { "after" });
    }
    match answer.delay_ms {
        Some(delay) => response.with(DELAY_HEADER, delay.to_string()),
        None => response,
    }
}

fn perform(
    world: &mut World,
    request: &Request,
    target: Result<Target, Refusal>,
    principal: Result<String, Refusal>,
    lro: Option<LroFault>,
    now: u64,
) -> (Response, Effect) {
    if let Some(response) = entra::answer(world, request, now) {
        let effect = if response.status == 200 { Effect::Read } else { Effect::None };
        return (response, effect);
    }
    if let Some(response) = event_grid::validation_fetched(world, request) {
        return (response, Effect::None);
    }
    let mut headers = Vec::new();
    let answer = principal
        .and_then(|principal| Ok((principal, target?)))
        .and_then(|(principal, target)| admit(world, request, target, principal, lro, now, &mut headers))
        .and_then(|call| provider(world, &call));
    let (mut response, effect) = match answer {
        Ok(Done { response, effect }) => (response, effect),
        Err(refusal) => (refusal.response(), Effect::None),
    };
    response.headers.extend(headers);
    (response, effect)
}

/// Subscription, budget, version, and body.
fn admit<'a>(
    world: &mut World,
    request: &'a Request,
    target: Target,
    principal: String,
    lro: Option<LroFault>,
    now: u64,
    headers: &mut Vec<(String, String)>,
) -> Result<Call<'a>, Refusal> {
    if let Some(subscription) = &target.subscription
        && !world.config().has_subscription(subscription)
    {
        let message = format!("The subscription '{subscription}' could not be found.");
        return Err(Refusal::new(404, "SubscriptionNotFound", message));
    }
    throttle(world, request, &target, &principal, now, headers)?;
    let api_version = api_version(&target)?.to_owned();
    let body = body(request)?;
    Ok(Call { request, target, principal, api_version, body, lro, now })
}

fn throttle(
    world: &mut World,
    request: &Request,
    target: &Target,
    principal: &str,
    now: u64,
    headers: &mut Vec<(String, String)>,
) -> Result<(), Refusal> {
    if !world.config().throttle {
        return Ok(());
    }
    let cost = Cost::of(&request.method);
    let scale = world.config().time_scale;
    let speed = if scale > 0.0 { 1.0 / scale } else { 1.0 };
    let (scope, word) = match &target.subscription {
        Some(subscription) => (subscription.as_str(), "subscription"),
        None => ("", "tenant"),
    };
    // Extension-scope writes report another counter (recorded).
    let name = if target.kind() == Some(Kind::ScopeSubscription) && cost == Cost::Write {
        "x-ms-ratelimit-remaining-subscription-resource-requests".to_owned()
    } else {
        format!("x-ms-ratelimit-remaining-{word}-{}", cost.word())
    };
    match world.buckets.take(scope, principal, cost, speed, now) {
        Ok(left) => {
            headers.push((name, left.to_string()));
            Ok(())
        }
        Err(seconds) => {
            headers.push((name, "0".into()));
            let message = format!(
                "Number of {} for subscription '{scope}' exceeded the limit. Please try again after '{seconds}' seconds.",
                cost.word()
            );
            let refusal = Refusal::new(429, "SubscriptionRequestsThrottled", message);
            Err(refusal.header("retry-after", seconds.to_string()))
        }
    }
}

fn api_version(target: &Target) -> Result<&str, Refusal> {
    let version = target.parameter("api-version").filter(|v| !v.is_empty()).ok_or_else(|| {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        Refusal::new(400, "MissingApiVersionParameter", message)
    })?;
    let resources = |v: &str| registry::RESOURCES_VERSIONS.contains(&v);
    let registration =
        target.types.is_empty() && target.tail.as_deref().is_none_or(|t| t.eq_ignore_ascii_case("register"));
    let Some(namespace) = target.namespace.as_deref().filter(|_| !registration) else {
        if resources(version) {
            return Ok(version);
        }
        let message = format!(
            "The api-version '{version}' is invalid. The supported versions are '{}'.",
            registry::RESOURCES_VERSIONS.join(",")
        );
        return Err(Refusal::new(400, "InvalidApiVersionParameter", message));
    };
    let provider = registry::provider(namespace).ok_or_else(|| {
        Refusal::new(404, "InvalidResourceNamespace", format!("The resource namespace '{namespace}' is invalid."))
    })?;
    if provider.versions.contains(&version) {
        return Ok(version);
    }
    let message = format!(
        "No registered resource provider found for location 'global' and API version '{version}' for type '{}'. The \
         supported api-versions are '{}'.",
        target.types.first().or(target.tail.as_ref()).map_or("", String::as_str),
        provider.versions.join(", ")
    );
    Err(Refusal::new(400, "NoRegisteredProviderFound", message))
}

fn body(request: &Request) -> Result<Value, Refusal> {
    let invalid = |why: String| {
        let message = format!("The request content was invalid and could not be deserialized: '{why}'.");
        Refusal::new(400, "InvalidRequestContent", message)
    };
    match request.method.as_str() {
        "PUT" | "PATCH" if request.body.is_empty() => Err(invalid("The body is empty.".into())),
        "PUT" | "PATCH" | "POST" if !request.body.is_empty() => {
            let body: Value = serde_json::from_slice(&request.body).map_err(|e| invalid(e.to_string()))?;
            match body {
                Value::Object(_) => Ok(body),
                Value::Null if request.method == "POST" => Ok(body),
                _ => Err(invalid("An object was expected.".into())),
            }
        }
        _ => Ok(Value::Null),
    }
}

fn provider(world: &mut World, call: &Call<'_>) -> Answer {
    let target = &call.target;
    let Some(namespace) = target.namespace.as_deref() else { return groups::answer(world, call) };
    if groups::is_registration(target) {
        return groups::registration(world, call, namespace);
    }
    groups::require_registered(world, target, namespace)?;
    groups::require_group(world, call)?;
    let record = target.types.last().map_or("", String::as_str);
    let hubs = namespace.eq_ignore_ascii_case(registry::NOTIFICATION_HUBS);
    // A namespace's deletion has no record of its own.
    let recorded = matches!(record, "operationstatuses" | "operationsstatus" | "operations")
        || (record == "operationresults" && !hubs);
    if recorded && call.method() == "GET" {
        return operation::status(world, call);
    }
    if namespace.eq_ignore_ascii_case(registry::COMMUNICATION) {
        communication::answer(world, call)
    } else if hubs {
        notification_hubs::answer(world, call)
    } else {
        event_grid::answer(world, call)
    }
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

/// The operation as Azure's activity log would name it.
fn operation_name(request: &Request, path: &str, target: Option<&Target>) -> String {
    let verb = match request.method.as_str() {
        "PUT" | "PATCH" => "write",
        "DELETE" => "delete",
        "POST" => "action",
        _ => "read",
    };
    let Some(target) = target else { return format!("Invalid/{verb}") };
    let kind = target.resource_type().or_else(|| target.collection()).map(|t| t.activity);
    let namespace = match &target.namespace {
        Some(namespace) => registry::provider(namespace).map_or(namespace.as_str(), |p| p.namespace),
        None if path.ends_with("/token") => return "Microsoft.Entra/token/action".into(),
        None if path == "/eventgrid/validate" => {
            return format!("Microsoft.EventGrid/eventSubscriptions/validate/{verb}");
        }
        None if target.subscription.is_none() => return format!("Microsoft.Entra/metadata/{verb}"),
        None if target.group.is_some() => return format!("Microsoft.Resources/subscriptions/resourceGroups/{verb}"),
        None => return format!("Microsoft.Resources/subscriptions/{verb}"),
    };
    let place = kind.map_or_else(
        || target.types.iter().fold(namespace.to_owned(), |name, kind| format!("{name}/{kind}")),
        str::to_owned,
    );
    match &target.tail {
        Some(tail) if verb == "action" => {
            let action = registry::ACTIONS.iter().find(|a| a.eq_ignore_ascii_case(tail)).map_or(tail.as_str(), |a| a);
            format!("{place}/{action}/action")
        }
        _ => format!("{place}/{verb}"),
    }
}
