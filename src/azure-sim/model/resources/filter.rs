//! `$filter` of ARM's own lists: comparisons joined by `and`.

use serde_json::Value;

use super::super::arm::Call;
use super::super::json;
use super::super::path;
use super::super::refusal::Refusal;

/// One comparison; texts in lower case.
enum Test {
    Type(String),
    Name(String),
    NamePart(String),
    Location(String),
    Group(String),
    /// A tag of that name, and of that value where one is given.
    Tag(String, Option<String>),
}

/// All of them must hold.
pub(super) struct Filter(Vec<Test>);

fn invalid(text: &str) -> Refusal {
    let message = format!("Invalid $filter '{text}' specified in the query string.");
    Refusal::new(400, "InvalidFilterInQueryString", message)
}

impl Filter {
    /// The filter of a request; without one everything is accepted.
    pub(super) fn of(call: &Call<'_>) -> Result<Self, Refusal> {
        match call.target.parameter("$filter").filter(|f| !f.trim().is_empty()) {
            Some(text) => Self::parse(text).ok_or_else(|| invalid(text)),
            None => Ok(Self(Vec::new())),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut tests = Vec::new();
        let mut tag: Option<String> = None;
        let mut rest = text.trim();
        loop {
            let (head, after) = if let Some(inner) = strip(rest, "substringof('") {
                let (part, after) = inner.split_once('\'')?;
                let after = after.trim_start().strip_prefix(',')?.trim_start();
                tests.push(Test::NamePart(part.to_ascii_lowercase()));
                (None, strip(after, "name")?.trim_start().strip_prefix(')')?)
            } else {
                let (left, after) = rest.split_once('\'')?;
                let (value, after) = after.split_once('\'')?;
                let left = left.trim().to_ascii_lowercase();
                let name = left.strip_suffix("eq")?.trim().to_owned();
                (Some((name, value.to_owned())), after)
            };
            if let Some((name, value)) = head {
                let lower = value.to_ascii_lowercase();
                match name.as_str() {
                    "resourcetype" => tests.push(Test::Type(lower)),
                    "name" => tests.push(Test::Name(lower)),
                    "location" => tests.push(Test::Location(lower.replace(' ', ""))),
                    "resourcegroup" => tests.push(Test::Group(lower)),
                    "tagname" => tag = Some(value),
                    // A value is of the name before it.
                    "tagvalue" => tests.push(Test::Tag(tag.take()?, Some(value))),
                    _ => return None,
                }
            }
            let after = after.trim_start();
            if after.is_empty() {
                break;
            }
            rest = strip(after, "and ")?.trim_start();
        }
        tests.extend(tag.map(|name| Test::Tag(name, None)));
        // Tags go with nothing else (documented).
        let tags = tests.iter().filter(|t| matches!(t, Test::Tag(..))).count();
        (tags == 0 || tags == tests.len()).then_some(Self(tests))
    }

    pub(super) fn accepts(&self, body: &Value) -> bool {
        let text = |name: &str| json::text(body, &[name]).unwrap_or_default();
        self.0.iter().all(|test| match test {
            Test::Type(wanted) => text("type").eq_ignore_ascii_case(wanted),
            Test::Name(wanted) => text("name").eq_ignore_ascii_case(wanted),
            Test::NamePart(part) => text("name").to_ascii_lowercase().contains(part.as_str()),
            Test::Location(wanted) => text("location").to_ascii_lowercase().replace(' ', "") == *wanted,
            Test::Group(wanted) => path::group_of(text("id")).eq_ignore_ascii_case(wanted),
            Test::Tag(name, value) => has_tag(body, name, value.as_deref()),
        })
    }
}

/// Names of tags have no case, their values have (documented).
fn has_tag(body: &Value, name: &str, value: Option<&str>) -> bool {
    let Some(Value::Object(tags)) = json::at(body, &["tags"]) else { return false };
    tags.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && value.is_none_or(|wanted| v.as_str() == Some(wanted)))
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| text.get(prefix.len()..)).flatten()
}
