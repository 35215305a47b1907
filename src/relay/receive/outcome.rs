//! The one table of answers on the events port: status, word in metrics, meaning.

use http::StatusCode;

/// How a request on the events port ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Every destination took every event.
    Delivered,
    /// Everything in it had been delivered before.
    Duplicate,
    /// No route and no rule wants it.
    Unrouted,
    /// Handshake of the Event Grid schema.
    Validated,
    /// Handshake of the CloudEvents schema.
    Granted,
    /// Event Grid says that the subscription has ended.
    SubscriptionEnded,
    /// No event, or not the one that was announced.
    Malformed,
    /// No delivery key, or several.
    NoKey,
    /// Handshake asked for by a stranger.
    OriginRefused,
    /// More than Event Grid ever sends.
    TooLarge,
    /// Nothing is there.
    UnknownPath,
    /// Something else is there.
    WrongMethod,
    /// No configuration yet.
    NotConfigured,
    /// A path of events, under another prefix than the public URL's.
    UnknownPrefix,
    /// No such subscription in the configuration, yet.
    UnknownSubscription,
    /// The subscription in the header is not the one in the path.
    SubscriptionMismatch,
    /// A delivery key that is none of ours: which of the two sides has an old one, nobody can tell here.
    WrongKey,
    /// No delivery key to compare with, yet.
    NoDeliveryKey,
    /// This process is about to end.
    Draining,
    /// A bound was reached.
    Overloaded,
    /// The body did not come in time, or not whole.
    BodyIncomplete,
    /// A destination did not take an event.
    DeliveryFailed,
    /// A destination did not answer within the time that Event Grid waits.
    TimedOut,
}

impl Outcome {
    /// Every outcome, in the order of the table.
    pub const ALL: [Outcome; 23] = [
        Outcome::Delivered,
        Outcome::Duplicate,
        Outcome::Unrouted,
        Outcome::Validated,
        Outcome::Granted,
        Outcome::SubscriptionEnded,
        Outcome::Malformed,
        Outcome::NoKey,
        Outcome::OriginRefused,
        Outcome::TooLarge,
        Outcome::UnknownPath,
        Outcome::WrongMethod,
        Outcome::NotConfigured,
        Outcome::UnknownPrefix,
        Outcome::UnknownSubscription,
        Outcome::SubscriptionMismatch,
        Outcome::WrongKey,
        Outcome::NoDeliveryKey,
        Outcome::Draining,
        Outcome::Overloaded,
        Outcome::BodyIncomplete,
        Outcome::DeliveryFailed,
        Outcome::TimedOut,
    ];

    /// Status, word and meaning.
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Outcome::Delivered => (S::OK, "delivered", "every route took every event, every push was handed over"),
            Outcome::Duplicate => (S::OK, "duplicate", "all of it was delivered before; nothing was done"),
            Outcome::Unrouted => (S::OK, "unrouted", "no route and no push rule wants these events"),
            Outcome::Validated => (S::OK, "validated", "handshake of the Event Grid schema, answered with its code"),
            Outcome::Granted => (S::OK, "granted", "handshake of the CloudEvents schema, granted to the origin"),
            Outcome::SubscriptionEnded => (S::OK, "subscription_ended", "Event Grid deleted the subscription; noted"),
            Outcome::Malformed => {
                (S::BAD_REQUEST, "malformed", "no event in either schema, or no single validation event")
            }
            Outcome::NoKey => (S::UNAUTHORIZED, "no_key", "the delivery key is missing, or there are several"),
            Outcome::OriginRefused => {
                (S::FORBIDDEN, "origin_refused", "a handshake for another origin than Event Grid")
            }
            Outcome::TooLarge => (S::PAYLOAD_TOO_LARGE, "too_large", "larger than any batch that Event Grid makes"),
            Outcome::UnknownPath => (S::NOT_FOUND, "unknown_path", "nothing is served there"),
            Outcome::WrongMethod => (S::METHOD_NOT_ALLOWED, "wrong_method", "only POST and OPTIONS are served there"),
            Outcome::NotConfigured => (S::SERVICE_UNAVAILABLE, "not_configured", "no valid configuration yet"),
            Outcome::UnknownPrefix => (
                S::SERVICE_UNAVAILABLE,
                "unknown_prefix",
                "under another prefix than the public URL's, which may be changing",
            ),
            Outcome::UnknownSubscription => {
                (S::SERVICE_UNAVAILABLE, "unknown_subscription", "not in the configuration, which may be on its way")
            }
            Outcome::SubscriptionMismatch => (
                S::SERVICE_UNAVAILABLE,
                "subscription_mismatch",
                "sent by another subscription than the one in the path; one of the two may be changing",
            ),
            Outcome::WrongKey => (
                S::SERVICE_UNAVAILABLE,
                "wrong_key",
                "the delivery key is none of those that are valid; the sender's, or this relay's, may be changing",
            ),
            Outcome::NoDeliveryKey => {
                (S::SERVICE_UNAVAILABLE, "no_delivery_key", "the delivery keys are not mounted yet")
            }
            Outcome::Draining => (S::SERVICE_UNAVAILABLE, "draining", "this relay is about to end"),
            Outcome::Overloaded => (S::SERVICE_UNAVAILABLE, "overloaded", "too much is under way already"),
            Outcome::BodyIncomplete => {
                (S::SERVICE_UNAVAILABLE, "body_incomplete", "the body came too slowly or not whole")
            }
            Outcome::DeliveryFailed => (
                S::SERVICE_UNAVAILABLE,
                "delivery_failed",
                "a route or the hub did not take an event; the others keep theirs",
            ),
            Outcome::TimedOut => (S::SERVICE_UNAVAILABLE, "timed_out", "a route or the hub did not answer in time"),
        }
    }

    /// Status of the answer.
    pub fn status(self) -> StatusCode {
        self.row().0
    }

    /// Word in metrics and logs.
    pub fn label(self) -> &'static str {
        self.row().1
    }

    /// What it means, for people.
    pub fn meaning(self) -> &'static str {
        self.row().2
    }
}

/// The table as Markdown; committed as `docs/reference/relay-responses.md`.
pub fn table() -> String {
    let mut text = String::from(
        "# Answers of a relay on its events port\n\nGenerated from `src/relay/receive/outcome.rs`. 400, 401, 403 and 413 are \
         final: Event Grid drops the event or puts it into\nthe dead-letter container. They are given only for what can never \
         be valid. Whatever may heal is 503, and Event Grid comes back.\n\n| Status | `outcome` in metrics | Meaning \
         |\n|---|---|---|\n",
    );
    for outcome in Outcome::ALL {
        let (status, label, meaning) = outcome.row();
        text.push_str(&format!("| {} | `{label}` | {meaning} |\n", status.as_u16()));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_generated_table_is_the_committed_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/relay-responses.md");
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(path, table()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), table(), "run the test with UPDATE_GENERATED=1");
    }

    #[test]
    fn every_outcome_has_its_own_word_and_no_success_but_200() {
        let words: BTreeSet<_> = Outcome::ALL.iter().map(|outcome| outcome.label()).collect();
        assert_eq!(words.len(), Outcome::ALL.len());
        assert!(Outcome::ALL.iter().all(|o| [200, 400, 401, 403, 404, 405, 413, 503].contains(&o.status().as_u16())));
    }
}
