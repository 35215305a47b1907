//! What of the journal is asked for.

use serde::Serialize;

use super::{Effect, Entry, Journal, Plane};

/// Parameters there are, as a refusal names them.
const KNOWN: &str = "since, operation, principal, status, method, path, effect, plane, outOfBand, from, to, limit";

/// Conditions, all of which an entry must meet: `operation` (exact, or a beginning and `*`), `principal`, `path` (a part of
/// it), `from` and `to` (RFC 3339 or milliseconds since 1970); and lists with commas: `status` (404, 4xx), `method`, `effect`,
/// `plane` (arm, entra, hubs, outward); `outOfBand` (true: what faults let somebody else do; false: the rest). Case does not matter. `since` is the number after which to begin, `limit` how many at
/// most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only entries after that number.
    pub since: Option<u64>,
    operation: Option<String>,
    principal: Option<String>,
    statuses: Vec<Statuses>,
    methods: Vec<String>,
    path: Option<String>,
    effects: Vec<Effect>,
    planes: Vec<Plane>,
    out_of_band: Option<bool>,
    from: Option<u64>,
    to: Option<u64>,
    limit: Option<usize>,
}

/// One status, or all of a hundred: `4xx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Statuses {
    first: u16,
    last: u16,
}

/// An answer to a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<'a> {
    /// What met the conditions, oldest first.
    pub entries: Vec<&'a Entry>,
    /// To be asked with as `since`, for what comes after these.
    pub next: u64,
    /// Entries after `since` that were too old to be kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub missed: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Query {
    /// Reads a query string.
    ///
    /// # Errors
    /// A sentence about the first parameter that cannot be meant.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut seen = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if seen.contains(&name) {
                return Err(format!("'{name}' is given twice"));
            }
            parsed.set(&name, &value)?;
            seen.push(name);
        }
        if let (Some(from), Some(to)) = (parsed.from, parsed.to)
            && from > to
        {
            return Err("'from' is later than 'to'".into());
        }
        Ok(parsed)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let text = || {
            let fits = !value.is_empty();
            fits.then(|| value.to_owned())
                .ok_or_else(|| format!("'{name}' is empty: leave it out, or say what to look for"))
        };
        match name {
            "since" => self.since = Some(number(name, value)?),
            "limit" => {
                let limit = number(name, value)?;
                if limit == 0 {
                    return Err("'limit' must be at least 1".into());
                }
                self.limit = Some(usize::try_from(limit).unwrap_or(usize::MAX));
            }
            "operation" => self.operation = Some(text()?),
            "principal" => self.principal = Some(text()?),
            "path" => self.path = Some(text()?.to_ascii_lowercase()),
            "status" => self.statuses = listed(value, Statuses::parse)?,
            "method" => {
                self.methods = listed(value, |word| {
                    let letters = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic());
                    letters.then(|| word.to_ascii_uppercase()).ok_or_else(|| format!("'method': '{word}' is no method"))
                })?;
            }
            "effect" => self.effects = listed(value, |word| choice(name, word, EFFECTS))?,
            "plane" => self.planes = listed(value, |word| choice(name, word, PLANES))?,
            "outOfBand" => {
                let word = choice(name, value, &[("true", true), ("false", false)])?;
                self.out_of_band = Some(word);
            }
            "from" => self.from = Some(time(name, value)?),
            "to" => self.to = Some(time(name, value)?),
            _ => return Err(format!("there is no '{name}'; there are {KNOWN}")),
        }
        Ok(())
    }

    /// The same, with no more than `limit` entries.
    #[must_use]
    pub fn limited(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Whether an entry meets all conditions but `since` and `limit`.
    pub fn wants(&self, entry: &Entry) -> bool {
        let operation = self.operation.as_deref().is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(start) => entry.operation.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start)),
            None => wanted.eq_ignore_ascii_case(&entry.operation),
        });
        operation
            && self.principal.as_deref().is_none_or(|p| p.eq_ignore_ascii_case(&entry.principal))
            && (self.statuses.is_empty() || self.statuses.iter().any(|s| (s.first..=s.last).contains(&entry.status)))
            && (self.methods.is_empty() || self.methods.iter().any(|m| m.eq_ignore_ascii_case(&entry.method)))
            && self.path.as_deref().is_none_or(|part| entry.path.to_ascii_lowercase().contains(part))
            && (self.effects.is_empty() || self.effects.contains(&entry.effect))
            && (self.planes.is_empty() || self.planes.contains(&entry.plane))
            && self.out_of_band.is_none_or(|wanted| wanted == entry.out_of_band)
            && self.from.is_none_or(|from| entry.time >= from)
            && self.to.is_none_or(|to| entry.time <= to)
    }

    /// The entries that are meant. With `since`, `limit` takes the oldest, to be read on from; without it, the newest.
    pub(crate) fn page<'a>(&self, journal: &'a Journal) -> Page<'a> {
        let limit = self.limit.unwrap_or(usize::MAX);
        let newest = (journal.next() - 1).max(self.since.unwrap_or(0));
        let Some(since) = self.since else {
            let mut entries: Vec<&Entry> = journal.after(0).rev().filter(|e| self.wants(e)).take(limit).collect();
            entries.reverse();
            return Page { entries, next: newest, missed: 0 };
        };
        let entries: Vec<&Entry> = journal.after(since).filter(|e| self.wants(e)).take(limit).collect();
        let cut_short = entries.len() == limit;
        let next = entries.last().filter(|_| cut_short).map_or(newest, |e| e.sequence);
        Page { entries, next, missed: journal.missed(since) }
    }
}

const EFFECTS: &[(&str, Effect)] = &[
    ("create", Effect::Create),
    ("update", Effect::Update),
    ("delete", Effect::Delete),
    ("read", Effect::Read),
    ("action", Effect::Action),
    ("none", Effect::None),
];

const PLANES: &[(&str, Plane)] =
    &[("arm", Plane::Arm), ("entra", Plane::Entra), ("hubs", Plane::Hubs), ("outward", Plane::Outward)];

impl Statuses {
    fn parse(word: &str) -> Result<Self, String> {
        let refused = || format!("'status': '{word}' is neither a status like 404 nor a class like 4xx");
        if let Some(class) = word.strip_suffix("xx").or_else(|| word.strip_suffix("XX")) {
            let class: u16 = class.parse().ok().filter(|c| (1..=5).contains(c)).ok_or_else(refused)?;
            return Ok(Self { first: class * 100, last: class * 100 + 99 });
        }
        let status = word.parse().ok().filter(|s| *s == 0 || (100..=599).contains(s)).ok_or_else(refused)?;
        Ok(Self { first: status, last: status })
    }
}

/// Words between commas.
fn listed<T>(value: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    value.split(',').map(|word| read(word.trim())).collect()
}

fn choice<T: Copy>(name: &str, word: &str, from: &[(&str, T)]) -> Result<T, String> {
    let found = from.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = from.iter().map(|(known, _)| *known).collect();
        format!("'{name}': '{word}' is none of {}", known.join(", "))
    })
}

fn number(name: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("'{name}': '{value}' is no whole number"))
}

/// RFC 3339, or milliseconds since 1970.
fn time(name: &str, value: &str) -> Result<u64, String> {
    if let Ok(ms) = value.parse() {
        return Ok(ms);
    }
    let refused = || format!("'{name}': '{value}' is neither RFC 3339 nor milliseconds since 1970");
    let time: jiff::Timestamp = value.parse().map_err(|_| refused())?;
    u64::try_from(time.as_millisecond()).map_err(|_| refused())
}
