//! Answers as they may be shown to others: nothing in them says whose they are, and no key is left.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::compare;
use super::probe::Step;
use super::side::{Outcome, Seen};

/// Headers whose values say nothing of anybody. Of the others that are compared, it is kept that they were there.
const HEADERS: [&str; 6] =
    ["content-type", "retry-after", "azure-asyncoperation", "location", "www-authenticate", "x-ms-failure-cause"];
/// What stands for a text that is not shown.
const HIDDEN: &str = "…";
/// Members whose text is kept, as the specifications list what it can be. All others may hold a name, a key, an address.
const KEPT: [&str; 18] = [
    "code",
    "status",
    "provisioningState",
    "type",
    "kind",
    "location",
    "dataLocation",
    "reason",
    "tier",
    "state",
    "registrationState",
    "createdByType",
    "lastModifiedByType",
    "endpointType",
    "eventDeliverySchema",
    "topicType",
    "message",
    "namespaceType",
];

/// Replaces, and remembers what by what: one GUID is one GUID everywhere.
#[derive(Default)]
pub(super) struct Sanitiser {
    guids: BTreeMap<String, String>,
    /// Texts of the run, such as the name of the group, and what stands for them.
    names: Vec<(String, String)>,
}

impl Sanitiser {
    pub(super) fn new(names: Vec<(String, String)>) -> Self {
        Self { guids: BTreeMap::new(), names }
    }

    /// What a side answered to a step.
    pub(super) fn outcome(&mut self, step: &Step, outcome: &Outcome) -> Value {
        // Their values are compared.
        let values: Vec<&str> = step.equal.iter().filter_map(|pointer| pointer.rsplit('/').next()).collect();
        let first = self.answer(&values, &outcome.first);
        let ended = outcome.ended.as_ref().map(
            |ended| json!({"followedBy": ended.by, "state": ended.state, "last": self.answer(&values, &ended.last)}),
        );
        json!({"answer": first, "operation": ended, "seconds": outcome.took.map(|took| took.as_secs())})
    }

    fn answer(&mut self, values: &[&str], seen: &Seen) -> Value {
        let mut headers = Map::new();
        for name in compare::HEADERS.iter().chain(&HEADERS) {
            if let Some(text) = seen.header(name) {
                let text = if HEADERS.contains(name) { self.text(text) } else { HIDDEN.to_owned() };
                headers.insert((*name).to_owned(), Value::String(text));
            }
        }
        let body = seen.json().map(|body| self.value(values, "", &body));
        let mut answer = json!({"status": seen.status, "headers": headers, "body": body});
        if body.is_none() && !seen.body.is_empty() {
            // A text that is no JSON: only that it is one.
            answer = json!({"status": seen.status, "headers": headers, "body": null, "isText": true});
        }
        answer
    }

    fn value(&mut self, values: &[&str], name: &str, value: &Value) -> Value {
        match value {
            Value::String(text) if KEPT.contains(&name) || values.contains(&name) => Value::String(self.text(text)),
            Value::String(_) => Value::String(HIDDEN.into()),
            Value::Array(items) => items.iter().map(|item| self.value(values, name, item)).collect(),
            // Names of tags are their owner's words.
            Value::Object(members) if name == "tags" => json!({HIDDEN: members.len()}),
            Value::Object(members) => {
                members.iter().map(|(name, member)| (name.clone(), self.value(values, name, member))).collect()
            }
            other => other.clone(),
        }
    }

    /// A document of ours whose texts are shown: the same, without what says whose it is.
    pub(super) fn document(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.document(item)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, member)| (name.clone(), self.document(member))).collect()
            }
            other => other.clone(),
        }
    }

    /// A text without GUIDs, without names of the run, and without the signatures in queries.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, stand_in) in &self.names {
            text = text.replace(name, stand_in);
        }
        if let Some((path, query)) = text.clone().split_once('?').filter(|_| text.starts_with("https://")) {
            let kept = query.split('&').map(|pair| match pair.split_once('=') {
                Some(("api-version", version)) => format!("api-version={version}"),
                Some((name, _)) => format!("{name}={HIDDEN}"),
                None => HIDDEN.to_owned(),
            });
            text = format!("{path}?{}", kept.collect::<Vec<_>>().join("&"));
        }
        self.without_guids(&text)
    }

    fn without_guids(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            match rest.get(..36).filter(|head| is_guid(head)) {
                Some(guid) => {
                    let number = self.guids.len() + 1;
                    let stand_in = self.guids.entry(guid.to_ascii_lowercase());
                    out.push_str(stand_in.or_insert_with(|| format!("00000000-0000-4000-8000-{number:012}")));
                    rest = rest.get(36..).unwrap_or_default();
                }
                None => {
                    out.push(first);
                    rest = rest.get(first.len_utf8()..).unwrap_or_default();
                }
            }
        }
        out
    }
}

fn is_guid(text: &str) -> bool {
    text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_says_whose_it_is() {
        let guid = "6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d";
        let body = json!({"id": format!("/subscriptions/{guid}/x"), "primaryKey": "SECRET", "tags": {"boss": "Anna"},
            "properties": {"provisioningState": "Succeeded", "hostName": "contoso"}, "systemData": {"createdBy": "anna@contoso"},
            "error": {"code": "X", "message": format!("{guid} in acs-check-abc of {guid}")}});
        let seen = Seen {
            status: 200,
            headers: [("location".to_owned(), format!("https://x/{guid}?api-version=1&t=5&c=SECRET"))].into(),
            body: body.to_string().into_bytes(),
        };
        let mut sanitiser = Sanitiser::new(vec![("acs-check-abc".into(), "GROUP".into())]);
        let step = Step::of("CommunicationServices_Get");
        let text = sanitiser.outcome(&step, &Outcome { first: seen, ended: None, took: None }).to_string();
        for secret in [guid, "SECRET", "Anna", "boss", "anna", "contoso", "acs-check-abc"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        for kept in ["Succeeded", "\"X\"", "00000000-0000-4000-8000-000000000001 in GROUP", "api-version=1&t=…&c=…"]
        {
            assert!(text.contains(kept), "{kept} in {text}");
        }
        assert!(!text.contains("000000000002"), "{text}");
    }
}
