//! Tag expressions: `a || b`, `a && !b`, with parentheses.

use super::super::push::Installation;

/// Tags of an expression that only has `||`, and of any other.
const MOST_OF_ORS: usize = 20;
const MOST: usize = 6;
/// Characters of a tag.
pub(super) const LONGEST: usize = 120;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    Tag(String),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Tag(String),
    Not,
    And,
    Or,
    Open,
    Close,
}

impl Expression {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let tags = tokens.iter().filter(|t| matches!(t, Token::Tag(_))).count();
        let only_or = tokens.iter().all(|t| matches!(t, Token::Tag(_) | Token::Or | Token::Open | Token::Close));
        let most = if only_or { MOST_OF_ORS } else { MOST };
        if tags > most {
            return Err(format!("A tag expression of this kind has at most {most} tags."));
        }
        // So many tags bound the depth, but for parentheses and negations.
        if tokens.len() > 4 * MOST_OF_ORS {
            return Err("The tag expression is too long.".into());
        }
        let mut parser = Parser { tokens: tokens.into_iter().peekable() };
        let expression = parser.or()?;
        match parser.tokens.next() {
            None => Ok(expression),
            Some(_) => Err("The tag expression does not end where it should.".into()),
        }
    }

    pub(super) fn matches(&self, id: &str, installation: &Installation) -> bool {
        match self {
            Self::Tag(tag) => {
                if let Some(wanted) = implicit(tag, "$InstallationId:") {
                    return wanted == id;
                }
                if let Some(wanted) = implicit(tag, "$UserId:") {
                    return wanted == installation.user;
                }
                installation.tags.iter().any(|t| t == tag)
            }
            Self::Not(inner) => !inner.matches(id, installation),
            Self::And(a, b) => a.matches(id, installation) && b.matches(id, installation),
            Self::Or(a, b) => a.matches(id, installation) || b.matches(id, installation),
        }
    }
}

/// `$InstallationId:{id}`, with its braces or without.
fn implicit<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let rest = tag.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).and(tag.get(name.len()..))?;
    Some(rest.strip_prefix('{').and_then(|r| r.strip_suffix('}')).unwrap_or(rest))
}

/// Characters that a tag may have.
pub(super) fn allowed(c: char) -> bool {
    c.is_alphanumeric() || "_@#.:-".contains(c)
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '!' => (Token::Not, 1),
            '|' if rest.starts_with("||") => (Token::Or, 2),
            '&' if rest.starts_with("&&") => (Token::And, 2),
            _ => {
                let end = rest.find(|c| !(allowed(c) || "${}".contains(c))).unwrap_or(rest.len());
                let tag = rest.get(..end).unwrap_or_default();
                if tag.is_empty() || tag.chars().count() > LONGEST {
                    return Err(format!("The tag expression has an invalid tag at '{first}'."));
                }
                (Token::Tag(tag.to_owned()), end)
            }
        };
        tokens.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    fn or(&mut self) -> Result<Expression, String> {
        let mut left = self.and()?;
        while self.tokens.next_if_eq(&Token::Or).is_some() {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut left = self.not()?;
        while self.tokens.next_if_eq(&Token::And).is_some() {
            left = Expression::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expression, String> {
        match self.tokens.next() {
            Some(Token::Not) => Ok(Expression::Not(Box::new(self.not()?))),
            Some(Token::Tag(tag)) => Ok(Expression::Tag(tag)),
            Some(Token::Open) => {
                let inner = self.or()?;
                match self.tokens.next() {
                    Some(Token::Close) => Ok(inner),
                    _ => Err("The tag expression lacks a closing parenthesis.".into()),
                }
            }
            _ => Err("The tag expression lacks a tag.".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn matches(expression: &str, tags: &[&str]) -> bool {
        let installation = Installation {
            platform: "apple".into(),
            handle: String::new(),
            user: "8:acs:ada".into(),
            tags: tags.iter().map(|t| (*t).to_owned()).collect(),
            body: Value::Null,
        };
        Expression::parse(expression).expect("an expression").matches("one", &installation)
    }

    #[test]
    fn operators_bind_as_usual() {
        assert!(matches("a || b && c", &["a"]));
        assert!(!matches("(a || b) && c", &["a"]));
        assert!(matches("!a && b", &["b"]));
        assert!(!matches("!a", &["a"]));
        assert!(matches("user:8:acs:1-2_3 || x", &["user:8:acs:1-2_3"]));
        assert!(!matches("A", &["a"]));
        assert!(matches("$UserId:{8:acs:ada}", &[]));
        assert!(matches("$InstallationId:{one}", &[]));
        assert!(!matches("$InstallationId:{two}", &[]));
    }

    #[test]
    fn what_is_none_and_what_is_too_much_is_refused() {
        for wrong in ["", "a ||", "a b", "(a", "a)", "a | b", "a + b", "&& a"] {
            assert!(Expression::parse(wrong).is_err(), "{wrong}");
        }
        let many = |count: usize, operator: &str| vec!["t"; count].join(operator);
        assert!(Expression::parse(&many(20, "||")).is_ok());
        assert!(Expression::parse(&many(21, "||")).is_err());
        assert!(Expression::parse(&many(6, "&&")).is_ok());
        assert!(Expression::parse(&many(7, "&&")).is_err());
        assert!(Expression::parse(&"t".repeat(121)).is_err());
        assert!(Expression::parse(&"!".repeat(10_000)).is_err());
    }
}
