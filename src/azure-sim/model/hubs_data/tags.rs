//! Tags, and expressions of them: `a || b`, `a && !b`, with parentheses.

/// Tags of one registration.
const TAGS: usize = 60;

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

    pub(super) fn matches(&self, tags: &[String]) -> bool {
        match self {
            Self::Tag(tag) => tags.contains(tag),
            Self::Not(inner) => !inner.matches(tags),
            Self::And(a, b) => a.matches(tags) && b.matches(tags),
            Self::Or(a, b) => a.matches(tags) || b.matches(tags),
        }
    }
}

/// Tags that the hub itself gives, `$InstallationId:{…}` and `$UserId:{…}`.
pub(super) struct Tag;

impl Tag {
    pub(super) fn of_installation(id: &str) -> String {
        format!("$InstallationId:{{{id}}}")
    }

    pub(super) fn of_user(id: &str) -> String {
        format!("$UserId:{{{id}}}")
    }

    /// One spelling for all that expressions allow: any case of the name, with its braces or without.
    fn spelled(tag: &str) -> String {
        let after = |name: &str| {
            let start = tag.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name));
            let rest = start.and(tag.get(name.len()..))?;
            Some(rest.strip_prefix('{').and_then(|r| r.strip_suffix('}')).unwrap_or(rest))
        };
        if let Some(id) = after("$InstallationId:") {
            return Self::of_installation(id);
        }
        after("$UserId:").map_or_else(|| tag.to_owned(), Self::of_user)
    }
}

/// Whether a registration may have these tags (documented).
pub(crate) fn check(tags: &[String]) -> Result<(), String> {
    let fits = |tag: &String| {
        let inner = tag.strip_prefix("$InstallationId:{").or_else(|| tag.strip_prefix("$UserId:{"));
        let implicit =
            inner.and_then(|t| t.strip_suffix('}')).is_some_and(|id| !id.is_empty() && id.chars().all(of_user));
        !tag.is_empty() && tag.chars().count() <= LONGEST && (implicit || tag.chars().all(allowed))
    };
    if tags.len() > TAGS || !tags.iter().all(fits) {
        return Err(format!(
            "A registration has at most {TAGS} tags of at most {LONGEST} letters, digits and _@#.:- each."
        ));
    }
    Ok(())
}

/// Characters that the id of a user or of an installation may have (documented).
pub(super) fn of_user(c: char) -> bool {
    allowed(c) || c == '='
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
                let end = rest.find(|c| !(allowed(c) || "${}=".contains(c))).unwrap_or(rest.len());
                let tag = rest.get(..end).unwrap_or_default();
                if tag.is_empty() || tag.chars().count() > LONGEST {
                    return Err(format!("The tag expression has an invalid tag at '{first}'."));
                }
                (Token::Tag(Tag::spelled(tag)), end)
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
    use super::*;

    fn matches(expression: &str, tags: &[&str]) -> bool {
        let implicit = [Tag::of_installation("one"), Tag::of_user("8:acs:ada")];
        let tags: Vec<String> = tags.iter().map(|t| (*t).to_owned()).chain(implicit).collect();
        Expression::parse(expression).expect("an expression").matches(&tags)
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
        assert!(matches("$installationid:one && !$UserId:{bob}", &[]));
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
