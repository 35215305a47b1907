//! Expressions: `$(prop)`, `$(prop, n)`, `.(prop, n)`, `%(prop)`, `#(prop)`, texts in quotes, and `{a + b}`. A default,
//! `$(prop:{text})`, is undocumented and known from the .NET SDK's parser.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Properties;

/// What URI-encoding leaves as it is (RFC 3986).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Characters of a property's name.
const NAME: usize = 120;

/// A value of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Expression {
    /// As it stands.
    Literal(String),
    Parts(Vec<Part>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Part {
    Text(String),
    Property { kind: Kind, name: String, clip: Option<usize>, default: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// `$`
    Plain,
    /// `.`
    Dotted,
    /// `%`
    Encoded,
    /// `#`
    Number,
}

impl Expression {
    /// Reads a value: by its first character it is an expression, or a text as it stands.
    pub(in super::super) fn parse(value: &str) -> Result<Self, String> {
        let inner = match value.chars().next() {
            Some('$' | '.' | '%' | '#') => value,
            Some('{') => {
                value.strip_prefix('{').and_then(|v| v.strip_suffix('}')).ok_or("An expression lacks its '}'.")?
            }
            _ => return Ok(Self::Literal(value.to_owned())),
        };
        let mut rest = inner.trim();
        let mut parts = Vec::new();
        loop {
            let (part, after) = part(rest)?;
            parts.push(part);
            rest = after.trim_start();
            if rest.is_empty() {
                break;
            }
            rest = rest.strip_prefix('+').ok_or("The parts of an expression are joined by '+'.")?.trim_start();
        }
        let number = |p: &Part| matches!(p, Part::Property { kind: Kind::Number, .. });
        if parts.len() > 1 && parts.iter().any(number) {
            return Err("An expression with '#' stands alone.".into());
        }
        Ok(Self::Parts(parts))
    }

    pub(in super::super) fn text(&self, properties: &Properties) -> String {
        match self {
            Self::Literal(text) => text.clone(),
            Self::Parts(parts) => parts.iter().map(|part| part.text(properties)).collect(),
        }
    }

    /// Whether JSON shows it as a number, given its text.
    pub(super) fn number(&self, text: &str) -> Option<serde_json::Number> {
        match self {
            Self::Parts(parts) if matches!(parts.as_slice(), [Part::Property { kind: Kind::Number, .. }]) => {
                // A number of JSON is what the documented pattern is; a sign before it is not part of that.
                text.chars().next().filter(char::is_ascii_digit).and_then(|_| serde_json::from_str(text).ok())
            }
            _ => None,
        }
    }
}

impl Part {
    fn text(&self, properties: &Properties) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Property { kind, name, clip, default } => {
                let value = properties.get(name).unwrap_or(default);
                match (kind, clip) {
                    (Kind::Encoded, _) => utf8_percent_encode(value, UNRESERVED).to_string(),
                    (Kind::Dotted, Some(most)) if value.chars().count() > *most => {
                        let dots = "...".get(..(*most).min(3)).unwrap_or_default();
                        value.chars().take(most.saturating_sub(3)).chain(dots.chars()).collect()
                    }
                    (_, Some(most)) => value.chars().take(*most).collect(),
                    (_, None) => value.to_owned(),
                }
            }
        }
    }
}

/// The first part, and what follows it.
fn part(text: &str) -> Result<(Part, &str), String> {
    let kind = match text.chars().next() {
        Some(quote @ ('\'' | '"')) => return quoted(text, quote),
        Some('$') => Kind::Plain,
        Some('.') => Kind::Dotted,
        Some('%') => Kind::Encoded,
        Some('#') => Kind::Number,
        _ => return Err("An expression begins with $, ., %, # or a quote.".into()),
    };
    let inside = text.get(1..).and_then(|t| t.strip_prefix('(')).ok_or("An expression lacks its '('.")?;
    let end = inside.find([')', ',', ':']).ok_or("An expression lacks its ')'.")?;
    let name = inside.get(..end).unwrap_or_default().trim();
    let named = !name.is_empty() && name.len() <= NAME && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !named {
        return Err(format!("The name of a property is 1 to {NAME} letters, digits and '_'."));
    }
    let mut rest = inside.get(end..).unwrap_or_default();
    let mut default = String::new();
    if let Some(after) = rest.strip_prefix(":{") {
        (default, rest) = default_text(after)?;
    }
    let (clip, rest) = clip(kind, rest)?;
    let rest = rest.strip_prefix(')').ok_or("An expression lacks its ')'.")?;
    Ok((Part::Property { kind, name: name.to_owned(), clip, default }, rest))
}

/// `, n` before the parenthesis closes: a must for `.`, and for `$` a choice.
fn clip(kind: Kind, rest: &str) -> Result<(Option<usize>, &str), String> {
    let Some(after) = rest.strip_prefix(',') else {
        return if kind == Kind::Dotted {
            Err("An expression with '.' needs a length.".into())
        } else {
            Ok((None, rest))
        };
    };
    if !matches!(kind, Kind::Plain | Kind::Dotted) {
        return Err("Only expressions with '$' and '.' have a length.".into());
    }
    let end = after.find(')').ok_or("An expression lacks its ')'.")?;
    let length = after.get(..end).unwrap_or_default().trim().parse().map_err(|_| "A length is a whole number.")?;
    Ok((Some(length), after.get(end..).unwrap_or_default()))
}

/// Up to the brace that is not escaped.
fn default_text(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '}' if !escaped => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            '\\' if !escaped => escaped = true,
            _ => {
                value.push(c);
                escaped = false;
            }
        }
    }
    Err("A default lacks its '}'.".into())
}

/// A text in quotes; the quote inside it is doubled.
fn quoted(text: &str, quote: char) -> Result<(Part, &str), String> {
    let mut value = String::new();
    let mut rest = text.get(1..).unwrap_or_default();
    loop {
        let end = rest.find(quote).ok_or("A text lacks its closing quote.")?;
        value.push_str(rest.get(..end).unwrap_or_default());
        rest = rest.get(end + 1..).unwrap_or_default();
        match rest.strip_prefix(quote) {
            Some(after) => {
                value.push(quote);
                rest = after;
            }
            None => return Ok((Part::Text(value), rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(expression: &str) -> String {
        let properties = Properties::parse(r#"{"title":"This is the title line","n":"40","name":"Ada","é":"x"}"#);
        Expression::parse(expression).expect("an expression").text(&properties.expect("properties"))
    }

    #[test]
    fn every_form_of_the_documentation() {
        assert_eq!(text("$(TITLE)"), "This is the title line");
        assert_eq!(text("$(title, 7)"), "This is");
        assert_eq!(text(".(title, 20)"), "This is the title...");
        assert_eq!(text(".(title, 100)"), "This is the title line");
        assert_eq!(text(".(title, 2)"), "..");
        assert_eq!(text("%(title)"), "This%20is%20the%20title%20line");
        assert_eq!(text("#(n)"), "40");
        assert_eq!(text("$(none)"), "");
        assert_eq!(text("$(none:{a, (b\\})})"), "a, (b})");
        assert_eq!(text("{'Hi, ' + $(name) + \"!\"}"), "Hi, Ada!");
        assert_eq!(text("{'it''s ' + $(name, 1)}"), "it's A");
        assert_eq!(text("plain $(name)"), "plain $(name)");
        assert_eq!(text(""), "");
    }

    #[test]
    fn what_is_none_is_refused() {
        for wrong in [
            "$(a",
            "$a",
            "$()",
            "$(a b)",
            "$(é)",
            "$(a) b",
            "{$(a)",
            "{}",
            "{'a}",
            "{'a' 'b'}",
            ".(a)",
            ".(a, x)",
            "$(a, -1)",
            "%(a, 3)",
            "#(a, 3)",
            "{#(a) + 'b'}",
            "$body",
            "$(a:{b)",
            "...",
        ] {
            assert!(Expression::parse(wrong).is_err(), "{wrong}");
        }
        let long = format!("$({})", "a".repeat(121));
        assert!(Expression::parse(&long).is_err());
    }

    #[test]
    fn numbers_are_numbers_where_they_stand_alone() {
        let number = Expression::parse("#(n)").expect("an expression");
        assert!(number.number("40").is_some() && number.number("4.5e3").is_some());
        assert!(number.number("x").is_none() && number.number("-1").is_none() && number.number("").is_none());
        assert!(Expression::parse("$(n)").expect("an expression").number("40").is_none());
    }
}
