//! Push rules: whether an event makes a push, which one, and what becomes of the event when it cannot.

use acs_expressions::{Expression, Scope};
use acs_wire::filter::EventFilter;
use acs_wire::relay::config::{Platform, PushRule};
use http::HeaderValue;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::hub::{self, Addressee, Message, seconds_now};
use super::payload::{self, Alert};
use crate::deliver::Failure;
use crate::receive::envelope::{Event, Payload};
use crate::state::State;

/// Longest tag.
const MAX_TAG: usize = 120;

/// A rule in force.
pub struct Rule {
    /// Its name.
    pub name: String,
    filter: EventFilter,
    tag: Expression,
    title: Option<Expression>,
    body: Expression,
    expires_after: i64,
}

/// Why an event makes no push. None of these gets better by sending the event again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// It is too old.
    Stale,
    /// Its recipient is its sender.
    Own,
    /// An expression has no result.
    NoResult(String),
    /// The tag is none.
    NoTag,
}

impl Dropped {
    fn label(&self) -> &'static str {
        match self {
            Dropped::Stale => "stale",
            Dropped::Own => "own_message",
            Dropped::NoResult(_) => "no_result",
            Dropped::NoTag => "no_tag",
        }
    }
}

impl Rule {
    /// Compiles a rule.
    ///
    /// # Errors
    /// Names the expression and the mistake in it.
    pub fn compile(rule: &PushRule) -> Result<Self, String> {
        let compile =
            |what: &str, source: &str| Expression::compile(source).map_err(|error| format!("{what}: {error}"));
        Ok(Self {
            name: rule.name.clone(),
            filter: rule.filter.clone(),
            tag: compile("installationTag", &rule.installation_tag)?,
            title: rule.title.as_deref().map(|source| compile("title", source)).transpose()?,
            body: compile("body", &rule.body)?,
            expires_after: rule.expires_after_seconds.into(),
        })
    }

    /// True if the rule is for that event.
    pub fn wants(&self, event: &Event) -> bool {
        self.filter.lets_through(&event.event_type, event.subject.as_deref().unwrap_or_default())
    }

    /// The tag and the alert that an event makes.
    ///
    /// # Errors
    /// When it makes none.
    pub fn decide(&self, event: &Event, now: i64) -> Result<(String, Alert), Dropped> {
        let time = event.time.as_deref().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        // An event without a time that can be read is as old as its arrival.
        let expires = time.map_or(now, jiff::Timestamp::as_second).saturating_add(self.expires_after);
        if expires < now {
            return Err(Dropped::Stale);
        }
        let data = match &event.data {
            Payload::Json(json) => std::str::from_utf8(json).unwrap_or("null"),
            _ => "null",
        };
        if is_own(data) {
            return Err(Dropped::Own);
        }
        let no_result = |what: &'static str| {
            move |error: acs_expressions::EvaluationError| Dropped::NoResult(format!("{what}: {error}"))
        };
        let scope = Scope::new(&acs_expressions::Event {
            id: &event.id,
            source: &event.source,
            event_type: &event.event_type,
            subject: event.subject.as_deref().unwrap_or_default(),
            time: event.time.as_deref().unwrap_or_default(),
            data,
        });
        let scope = scope.map_err(no_result("event"))?;
        let tag = self.tag.evaluate(&scope).map_err(no_result("installationTag"))?;
        if !is_tag(&tag) {
            return Err(Dropped::NoTag);
        }
        let title = self.title.as_ref().map(|title| title.evaluate(&scope)).transpose().map_err(no_result("title"))?;
        let body = self.body.evaluate(&scope).map_err(no_result("body"))?;
        Ok((tag, Alert { title, body, collapse_id: collapse_id(event), expires }))
    }

    /// Makes the push of an event for a platform. An event that makes none, or one that the hub will never take, is done with:
    /// counted, and told, but not sent again for ever.
    ///
    /// # Errors
    /// When it may succeed later.
    pub async fn send(
        &self,
        state: &State,
        event: &Event,
        platform: Platform,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let about = || format!("push rule {}", self.name);
        let now = seconds_now();
        let (tag, alert) = match self.decide(event, now) {
            Ok(push) => push,
            Err(dropped) => {
                state.metrics.pushed(&self.name, platform, dropped.label());
                tracing::debug!(rule = self.name, id = event.id, why = dropped.label(), "no push");
                match dropped {
                    Dropped::NoResult(why) => {
                        state.note_trouble(&about(), format!("the last event made no push: {why}"))
                    }
                    Dropped::NoTag => state.note_trouble(
                        &about(),
                        "installationTag gave none of 1 to 120 letters, digits and _@#.:- for the last event"
                            .to_owned(),
                    ),
                    Dropped::Stale | Dropped::Own => {}
                }
                return Ok(());
            }
        };
        let message = Message {
            platform,
            addressee: Addressee::Tag(HeaderValue::from_str(&tag).map_err(|_| Failure::Refused)?),
            payload: payload::payload(&alert, platform, now),
            headers: payload::headers(&alert, platform),
            repeatable: true,
        };
        match hub::send(state, &message, deadline).await {
            Ok(_) => {
                state.metrics.pushed(&self.name, platform, "queued");
                state.clear_trouble(about);
                Ok(())
            }
            Err((refusal, _)) => {
                state.metrics.pushed(&self.name, platform, refusal.label());
                if refusal.passes() {
                    return Err(if Instant::now() >= deadline { Failure::TimedOut } else { Failure::Refused });
                }
                state.note_trouble(&about(), format!("the last push was lost: {}", refusal.meaning()));
                Ok(())
            }
        }
    }
}

/// Letters, digits and what else a tag may hold; in the header there must be no operator of a tag expression either.
fn is_tag(tag: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_@#.:-".contains(c);
    (1..=MAX_TAG).contains(&tag.len()) && tag.chars().all(allowed)
}

/// 32 hex digits that stand for an event on a phone: APNs takes 64 bytes at most.
fn collapse_id(event: &Event) -> String {
    let source = event.source.to_ascii_lowercase();
    let digest =
        Sha256::new().chain_update(source.as_bytes()).chain_update([0]).chain_update(event.id.as_bytes()).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Events of a chat are published once for each participant, and the sender is one of them.
fn is_own(data: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Parties {
        #[serde(alias = "SenderCommunicationIdentifier")]
        sender_communication_identifier: Option<Identifier>,
        #[serde(alias = "RecipientCommunicationIdentifier")]
        recipient_communication_identifier: Option<Identifier>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Identifier {
        #[serde(alias = "RawId")]
        raw_id: Option<String>,
    }
    let Ok(parties) = serde_json::from_str::<Parties>(data) else { return false };
    let id = |identifier: Option<Identifier>| identifier.and_then(|i| i.raw_id).filter(|id| !id.is_empty());
    let sender = id(parties.sender_communication_identifier);
    sender.is_some() && sender == id(parties.recipient_communication_identifier)
}
