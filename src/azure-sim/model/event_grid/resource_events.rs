//! Events of Microsoft.Resources: what ARM was asked to do, told to whoever subscribed to the subscription or to the resource
//! group it was done in (documented: "Azure subscription as an Event Grid source", and the same for resource groups).
//!
//! PUT, PATCH, POST and DELETE make one, GET makes none. A long-running one makes it when it ends. Chosen here (unverified):
//! what ARM refuses makes none; what goes with a group or a namespace makes none of its own. Nobody is asked for the address
//! of a client, so that `httpRequest` has none.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::arm::{self, Call};
use super::super::journal::Effect;
use super::super::operation;
use super::super::path::{self, Target};
use super::super::refusal::Done;
use super::super::timer::{self, Timer};
use super::super::token;
use super::super::world::World;
use super::delivery::{self, Draft};

/// Something that was done through ARM, as its events tell it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Activity {
    /// Id of the resource, as the request spelt it.
    resource: String,
    /// As the activity log names it: `Microsoft.Communication/CommunicationServices/write`.
    action: String,
    /// Application id of the caller; empty for somebody in the portal.
    principal: String,
    correlation: String,
    /// Absent for what was new (documented).
    request: Option<Sent>,
}

/// The request as the event has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sent {
    method: String,
    url: String,
    client_request_id: Option<String>,
}

/// After a request was performed: its event, now or when what it began has ended.
pub(crate) fn performed(world: &mut World, call: &Call<'_>, correlation: &str, done: &Done) {
    if matches!(done.effect, Effect::Read | Effect::None) || call.method() == "GET" {
        return;
    }
    let place = call.request.path.split('?').next().unwrap_or_default();
    let target = &call.target;
    let resource = if target.resource_type().is_some() { target.id() } else { target.scoped() };
    // Looked at first: most worlds have nobody who listens.
    if !is_listened_to(world, &resource) {
        return;
    }
    let sent = Sent {
        method: call.method().to_owned(),
        url: format!("{}{}", world.config().base_url, call.request.path),
        client_request_id: call.request.header("x-ms-client-request-id").map(str::to_owned),
    };
    let activity = Activity {
        resource,
        action: arm::operation_name(call.request, place, Some(target)),
        principal: call.principal.clone(),
        correlation: correlation.to_owned(),
        request: (done.effect != Effect::Create).then_some(sent),
    };
    let activity = match done.response.header("azure-asyncoperation") {
        Some(url) => operation::tell(world, url, activity),
        None => Some(activity),
    };
    let Some(activity) = activity else { return };
    match going(world, &activity.resource).filter(|_| done.effect == Effect::Delete) {
        Some(due) => timer::at(world, due, Timer::Tell { activity: Box::new(activity) }),
        None => tell(world, &activity, true),
    }
}

/// What somebody did in the portal, which asks ARM as everybody does: to a resource, or an action of it.
pub(crate) fn in_portal(world: &mut World, method: &str, path: &str) {
    if !is_listened_to(world, path) {
        return;
    }
    let target = Target::parse(path).ok().filter(|target| target.resource_type().is_some());
    let correlation = delivery::guid(world);
    let sent =
        Sent { method: method.to_owned(), url: format!("{}{path}", world.config().base_url), client_request_id: None };
    let (resource, action) = (target.map_or_else(|| path.to_owned(), |t| t.id()), arm::operation_on(method, path));
    let activity = Activity { resource, action, principal: String::new(), correlation, request: Some(sent) };
    tell(world, &activity, true);
}

/// When a deletion without a record of its own takes the resource away.
fn going(world: &World, id: &str) -> Option<u64> {
    let id = id.to_ascii_lowercase();
    let of_it = |timer: &Timer| matches!(timer, Timer::Gone { key, .. } if *key == id);
    world.timers.iter().filter(|(_, timer)| of_it(timer)).map(|((due, _), _)| *due).max()
}

/// The subscription, and the group where there is one.
fn sources(world: &World, id: &str) -> Vec<String> {
    let subscription = format!("/subscriptions/{}", path::subscription_of(id));
    let group = path::group_of(id);
    let key = format!("{subscription}/resourceGroups/{group}").to_ascii_lowercase();
    let group = world.resources.get(&key).filter(|_| !group.is_empty()).map(|group| group.id().to_owned());
    std::iter::once(subscription).chain(group).collect()
}

fn is_listened_to(world: &World, id: &str) -> bool {
    sources(world, id).iter().any(|source| delivery::is_listened_to(world, source))
}

/// Publishes the event of something that has ended, well or not.
pub(crate) fn tell(world: &mut World, activity: &Activity, well: bool) {
    let verb = match activity.action.rsplit('/').next() {
        Some("write") => "Write",
        Some("delete") => "Delete",
        _ => "Action",
    };
    let draft = Draft {
        id: None,
        kind: format!("Microsoft.Resources.Resource{verb}{}", if well { "Success" } else { "Failure" }),
        subject: activity.resource.clone(),
        data: activity.data(world, well),
        time: None,
    };
    for source in sources(world, &activity.resource) {
        if delivery::is_listened_to(world, &source) {
            // The draft is of a known type, and far from too large: nothing of it can be refused.
            let _ = delivery::publish(world, &source, &draft, 1);
        }
    }
}

impl Activity {
    fn data(&self, world: &World, well: bool) -> Value {
        let tenant = &world.config().tenant_id;
        let mut data = json!({
            "authorization": {
                "scope": self.resource, "action": self.action,
                "evidence": {"role": "Owner", "principalType": "ServicePrincipal"},
            },
            "claims": self.claims(tenant),
            "correlationId": self.correlation,
            "resourceProvider": self.action.split('/').next(),
            "resourceUri": self.resource,
            "operationName": self.action,
            "status": if well { "Succeeded" } else { "Failed" },
            "subscriptionId": path::subscription_of(&self.resource),
            "tenantId": tenant,
        });
        if let (Some(sent), Value::Object(data)) = (&self.request, &mut data) {
            let request = json!({
                "clientRequestId": sent.client_request_id.as_deref().unwrap_or_default(),
                "clientIpAddress": "", "method": sent.method, "url": sent.url,
            });
            data.insert("httpRequest".into(), request);
        }
        data
    }

    /// Those of an application's token that are known here; none of somebody in the portal.
    fn claims(&self, tenant: &str) -> Map<String, Value> {
        let mut claims = Map::new();
        if self.principal.is_empty() {
            return claims;
        }
        let object = token::object_id(tenant, &self.principal);
        for (name, value) in [
            ("appid", self.principal.as_str()),
            ("appidacr", "1"),
            ("http://schemas.microsoft.com/identity/claims/objectidentifier", &object),
            ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", &object),
            ("http://schemas.microsoft.com/identity/claims/tenantid", tenant),
            ("ver", "1.0"),
        ] {
            claims.insert(name.to_owned(), value.into());
        }
        claims
    }
}
