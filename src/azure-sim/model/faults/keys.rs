//! Every key that a fault may have: what it takes, and where it says anything. One table, for the check of what is placed,
//! for the door that shows it, and for the page whose form is made of it.

use serde::Serialize;

use super::super::journal::Plane;

/// Characters of a text.
const TEXT: u64 = 1024;
/// Milliseconds of anything: a day.
const LONGEST: u64 = 86_400_000;
/// What every reader of JSON can count to.
const ANY: u64 = (1 << 53) - 1;

/// A key of a fault.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Key {
    /// Where it lies in a fault, as a JSON pointer without its first slash: `answer/status`.
    pub(crate) at: &'static str,
    /// What it takes.
    pub(crate) takes: Takes,
    /// The planes where it does anything; on others it is refused. `outward` is struck only by faults that name it.
    pub(crate) planes: &'static [Plane],
    /// What it does.
    pub(crate) says: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Takes {
    /// A text of so many characters at most.
    Text(u64),
    /// A whole number, least and most.
    Number(u64, u64),
    /// A number from 0 to 1.
    Fraction,
    /// True or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any JSON.
    Json,
    /// Nothing of its own: keys lie beneath it.
    Object,
}

impl Takes {
    /// What is wrong with a value of the right type; serde has seen to that.
    pub(super) fn check(self, name: &str, value: &serde_json::Value) -> Result<(), String> {
        match self {
            Self::Text(most) => {
                let length = value.as_str().map_or(0, |text| text.chars().count() as u64);
                if length > most { Err(format!("'{name}' is longer than {most} characters")) } else { Ok(()) }
            }
            Self::Number(least, most) => match value.as_u64() {
                Some(number) if number > most && most == LONGEST => {
                    Err(format!("'{name}' is longer than a day: {LONGEST} ms"))
                }
                Some(number) if !(least..=most).contains(&number) => {
                    Err(format!("'{name}' is not between {least} and {most}"))
                }
                _ => Ok(()),
            },
            Self::Fraction if value.as_f64().is_some_and(|number| !(0.0..=1.0).contains(&number)) => {
                Err(format!("'{name}' is not between 0 and 1"))
            }
            Self::Fraction | Self::Flag | Self::Word(_) | Self::Json | Self::Object => Ok(()),
        }
    }
}

const EVERYWHERE: &[Plane] = &[Plane::Arm, Plane::Entra, Plane::Hubs, Plane::Outward];
const IN_WORDS: &[Plane] = &[Plane::Arm, Plane::Entra];
const ARM: &[Plane] = &[Plane::Arm];

const fn key(at: &'static str, takes: Takes, planes: &'static [Plane], says: &'static str) -> Key {
    Key { at, takes, planes, says }
}

/// The words of [`Plane`], [`super::Cut`] and [`super::LroFault`]; a test holds the table against the types.
const PLANES: &[&str] = &["arm", "entra", "hubs", "outward"];
const CUTS: &[&str] = &["before", "after"];
const LROS: &[&str] = &["fail", "endless", "lost"];

/// All of them, in the order of a form: conditions first.
pub(crate) static KEYS: [Key; 29] = [
    key("label", Takes::Text(TEXT), EVERYWHERE, "A name to find the fault by."),
    key("plane", Takes::Word(PLANES), EVERYWHERE, "Which part of Azure is asked, or asks."),
    key("operation", Takes::Text(TEXT), EVERYWHERE, "The operation as the journal names it; * at its end is any rest."),
    key("method", Takes::Text(TEXT), EVERYWHERE, "The HTTP method."),
    key("path", Takes::Text(TEXT), EVERYWHERE, "A part of path and query."),
    key("principal", Takes::Text(TEXT), EVERYWHERE, "The caller: application id, or access policy."),
    key("nth", Takes::Number(0, ANY), EVERYWHERE, "From the match of that number on; 1 is the next one."),
    key("times", Takes::Number(0, ANY), EVERYWHERE, "So many requests at most."),
    key("probability", Takes::Fraction, EVERYWHERE, "How likely one that is due is struck."),
    key("answer", Takes::Object, EVERYWHERE, "What happens."),
    key("answer/status", Takes::Number(200, 599), EVERYWHERE, "Answer this HTTP status."),
    key("answer/code", Takes::Text(TEXT), IN_WORDS, "The error code of that answer."),
    key("answer/message", Takes::Text(TEXT), EVERYWHERE, "Its message."),
    key("answer/stormMs", Takes::Number(0, LONGEST), EVERYWHERE, "Throttle every match for so many milliseconds."),
    key("answer/retryAfter", Takes::Number(0, ANY), EVERYWHERE, "Seconds in a Retry-After header."),
    key("answer/performed", Takes::Flag, EVERYWHERE, "Perform the request, and replace only its answer."),
    key("answer/delayMs", Takes::Number(0, LONGEST), EVERYWHERE, "Hold the answer back for so many milliseconds."),
    key("answer/drop", Takes::Word(CUTS), EVERYWHERE, "Cut the connection, before or after the effect."),
    key("answer/lro", Takes::Word(LROS), ARM, "What becomes of the operation that it starts."),
    key("answer/lro/late/factor", Takes::Number(2, 10_000), ARM, "The operation takes so many times as long."),
    key("answer/lro/late/ms", Takes::Number(0, LONGEST), ARM, "The operation ends so many milliseconds later."),
    key("answer/staleMs", Takes::Number(0, LONGEST), ARM, "A GET shows what was so many milliseconds ago."),
    key("answer/after/set/pointer", Takes::Text(TEXT), ARM, "Somebody else changes this member, a JSON pointer."),
    key("answer/after/set/value", Takes::Json, ARM, "What the member is then; null removes it."),
    key("answer/after/set/id", Takes::Text(TEXT), ARM, "Of this resource; else of the request's."),
    key(
        "answer/after/set/inMs",
        Takes::Number(0, LONGEST),
        ARM,
        "So many milliseconds after the request; else at once.",
    ),
    key("answer/after/delete", Takes::Object, ARM, "Somebody else deletes the resource, and all beneath it."),
    key("answer/after/delete/id", Takes::Text(TEXT), ARM, "This resource; else that of the request."),
    key(
        "answer/after/delete/inMs",
        Takes::Number(0, LONGEST),
        ARM,
        "So many milliseconds after the request; else at once.",
    ),
];
