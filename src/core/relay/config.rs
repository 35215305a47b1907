//! What a relay is told: its ConfigMap, from the spec and from the event subscriptions that name it.

use acs_wire::filter::{EventFilter, SubjectFilter};
use acs_wire::relay::config::{Encoding, FORMAT, Platform, Push, PushRule, RelayConfig, Route, Subscription};

use super::rules;
use crate::kinds::hub::Credentials;
use crate::kinds::relay::{self, EventRelay, HttpTarget, ReachabilityType};
use crate::kinds::subscription::LetterCase;
use crate::kinds::text::EventType;
use crate::names::short_hash;
use crate::world::RelaySettings;

/// Longest wait for a target unless the spec says another.
const TIMEOUT_SECONDS: u32 = 15;
/// Nobody wants a message's push an hour later.
const EXPIRES_AFTER_SECONDS: u32 = 3_600;
/// A call is given up after that.
const CALL_EXPIRES_AFTER_SECONDS: u32 = 85;

/// Configuration of a relay. `subscriptions` are Azure names; `credentials` those of the hub it pushes through. Rules that
/// cannot be compiled are left out: the others go on.
pub fn config(
    relay: &EventRelay,
    subscriptions: &[String],
    credentials: Option<&Credentials>,
    settings: &RelaySettings,
) -> RelayConfig {
    let namespace = relay.metadata.namespace.clone().unwrap_or_default();
    let mut config = RelayConfig {
        format: FORMAT,
        relay: relay.metadata.name.clone().unwrap_or_default(),
        revision: String::new(),
        path_prefix: path_prefix(relay),
        subscriptions: subscriptions.iter().map(|name| Subscription { name: name.clone() }).collect(),
        routes: relay.spec.routes.iter().filter_map(|route| of_route(route, &namespace)).collect(),
        push: relay.spec.push.as_ref().map(|push| of_push(push, credentials, settings)),
        namespace,
    };
    config.revision = short_hash(&serde_json::to_string(&config).unwrap_or_default());
    config
}

/// Public URL of a relay, without a slash at the end.
pub fn public_url(relay: &EventRelay) -> String {
    let reachability = &relay.spec.reachability;
    let host = match reachability.type_ {
        ReachabilityType::Url => {
            return reachability.url.as_ref().map(|url| url.trim_end_matches('/').to_owned()).unwrap_or_default();
        }
        ReachabilityType::HttpRoute => reachability.http_route.as_ref().map(|route| &route.hostname),
        ReachabilityType::Ingress => reachability.ingress.as_ref().map(|ingress| &ingress.hostname),
    };
    host.map(|host| format!("https://{host}")).unwrap_or_default()
}

/// Public URL of one event subscription at a relay.
pub fn delivery_url(url: &str, subscription: &str) -> String {
    format!("{url}{}/{subscription}", acs_wire::relay::paths::EVENTS)
}

fn path_prefix(relay: &EventRelay) -> String {
    let url = public_url(relay);
    let rest = url.strip_prefix("https://").unwrap_or_default();
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().to_owned()
}

fn of_route(route: &relay::Route, namespace: &str) -> Option<Route> {
    let http = route.target.http.as_ref()?;
    Some(Route {
        name: route.name.0.clone(),
        filter: filter(&route.event_types, route.subject.as_ref()),
        url: target_url(http, namespace),
        encoding: match http.encoding.unwrap_or_default() {
            relay::Encoding::Binary => Encoding::Binary,
            relay::Encoding::Structured => Encoding::Structured,
        },
        timeout_seconds: seconds(http.timeout_seconds).unwrap_or(TIMEOUT_SECONDS),
    })
}

fn target_url(http: &HttpTarget, namespace: &str) -> String {
    let host = match &http.service {
        Some(service) => format!("{}.{namespace}.svc", service.name),
        None => "127.0.0.1".to_owned(),
    };
    format!("http://{host}:{}{}", http.port, http.path)
}

fn of_push(push: &relay::Push, credentials: Option<&Credentials>, settings: &RelaySettings) -> Push {
    let mut platforms = Vec::new();
    if credentials.is_some_and(|credentials| credentials.apns.is_some()) {
        platforms.push(Platform::Apple);
    }
    if credentials.is_some_and(|credentials| credentials.fcm_v1.is_some()) {
        platforms.push(Platform::FcmV1);
    }
    Push {
        endpoint: settings.push_endpoint.clone(),
        ca_bundle: settings.ca_bundle.clone(),
        platforms,
        rules: push.rules.iter().filter(|rule| rules::mistake(rule).is_none()).map(of_rule).collect(),
    }
}

fn of_rule(rule: &relay::PushRule) -> PushRule {
    let usual = if rules::is_on_calls(rule) { CALL_EXPIRES_AFTER_SECONDS } else { EXPIRES_AFTER_SECONDS };
    PushRule {
        name: rule.name.0.clone(),
        filter: filter(&rule.event_types, rule.subject.as_ref()),
        installation_tag: rule.installation_tag.0.clone(),
        title: rule.alert.title.as_ref().map(|title| title.0.clone()),
        body: rule.alert.body.0.clone(),
        expires_after_seconds: seconds(rule.expires_after_seconds).unwrap_or(usual),
    }
}

fn seconds(set: Option<i32>) -> Option<u32> {
    set.and_then(|seconds| u32::try_from(seconds).ok())
}

fn filter(types: &[EventType], subject: Option<&crate::kinds::subscription::SubjectFilter>) -> EventFilter {
    let part = |part: Option<&crate::kinds::text::SubjectPart>| part.map(|part| part.0.clone()).unwrap_or_default();
    let subject = subject.map(|subject| SubjectFilter {
        begins_with: part(subject.begins_with.as_ref()),
        ends_with: part(subject.ends_with.as_ref()),
        case_sensitive: subject.case == Some(LetterCase::Sensitive),
    });
    EventFilter { event_types: types.iter().map(|name| name.0.clone()).collect(), subject: subject.unwrap_or_default() }
}
