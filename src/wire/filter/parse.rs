//! From ARM's JSON to filters, once; and what Event Grid does not take.

use std::fmt;

use serde_json::Value;

use super::advanced::{AdvancedFilter, Condition, Test};
use super::fields::Key;
use super::{Operator, fold};

/// Advanced filters of one subscription (documented).
const MOST_FILTERS: usize = 25;
/// Values over all advanced filters of one subscription (documented). A filter that takes no value is counted as one
/// (unverified): so it is refused here rather than there.
const MOST_VALUES: usize = 25;
/// Characters of one string (documented).
const LONGEST_TEXT: usize = 512;

/// A filter that Event Grid does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Which advanced filter, from 0; `None` where it is no single one.
    pub position: Option<usize>,
    /// What is wrong.
    pub mistake: Mistake,
}

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A member is of the wrong JSON type.
    WrongShape {
        /// The member.
        member: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// An operator that Event Grid does not have.
    UnknownOperator(String),
    /// The key is absent or empty.
    NoKey,
    /// A value is absent or of the wrong type for the operator.
    WrongValue {
        /// The operator.
        operator: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// A string is longer than 512 characters.
    TooLong,
    /// More than 25 advanced filters.
    TooManyFilters(usize),
    /// More than 25 values over all advanced filters.
    TooManyValues(usize),
}

impl fmt::Display for FilterError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(out, "advancedFilters[{position}]: ")?;
        }
        match &self.mistake {
            Mistake::WrongShape { member, wanted } => write!(out, "'{member}' must be {wanted}"),
            Mistake::UnknownOperator(name) => write!(out, "there is no operator '{name}'"),
            Mistake::NoKey => write!(out, "'key' must name a field of the event"),
            Mistake::WrongValue { operator, wanted } => write!(out, "'{operator}' takes {wanted}"),
            Mistake::TooLong => write!(out, "a string is longer than {LONGEST_TEXT} characters"),
            Mistake::TooManyFilters(count) => write!(out, "{count} advanced filters, where {MOST_FILTERS} are allowed"),
            Mistake::TooManyValues(count) => {
                write!(out, "{count} values over all advanced filters, where {MOST_VALUES} are allowed")
            }
        }
    }
}

impl std::error::Error for FilterError {}

pub(super) fn whole(mistake: Mistake) -> FilterError {
    FilterError { position: None, mistake }
}

impl AdvancedFilter {
    /// Parses the list `advancedFilters`, each `{operatorType, key, value | values}`; operators in any case.
    ///
    /// # Errors
    /// Says which filter Event Grid would not take, and why.
    pub fn parse_all(list: &[Value]) -> Result<Vec<Self>, FilterError> {
        if list.len() > MOST_FILTERS {
            return Err(whole(Mistake::TooManyFilters(list.len())));
        }
        let mut values = 0;
        let mut filters = Vec::with_capacity(list.len());
        for (position, one) in list.iter().enumerate() {
            let filter = parse(one).map_err(|mistake| FilterError { position: Some(position), mistake })?;
            values += filter.condition.values();
            filters.push(filter);
        }
        if values > MOST_VALUES { Err(whole(Mistake::TooManyValues(values))) } else { Ok(filters) }
    }
}

fn parse(filter: &Value) -> Result<AdvancedFilter, Mistake> {
    if !filter.is_object() {
        return Err(Mistake::WrongShape { member: "advancedFilters", wanted: "a list of objects" });
    }
    let text = |name: &str| filter.get(name).and_then(Value::as_str).unwrap_or_default();
    let condition = Given { name: text("operatorType"), filter }.condition()?;
    let key = text("key");
    if key.is_empty() {
        return Err(Mistake::NoKey);
    }
    if key.chars().count() > LONGEST_TEXT {
        return Err(Mistake::TooLong);
    }
    Ok(AdvancedFilter { key: Key::parse(key), condition })
}

/// An operator's name as it was given, and the filter that holds its values.
struct Given<'a> {
    name: &'a str,
    filter: &'a Value,
}

impl Given<'_> {
    fn condition(&self) -> Result<Condition, Mistake> {
        use Condition::{Is, IsNot};
        let operator = Operator::named(self.name).ok_or_else(|| Mistake::UnknownOperator(self.name.to_owned()))?;
        Ok(match operator {
            Operator::IsNullOrUndefined => Condition::NullOrUndefined,
            Operator::IsNotNull => Condition::NotNull,
            Operator::NumberLessThan => Is(Test::Less(self.number()?)),
            Operator::NumberLessThanOrEquals => Is(Test::LessOrEqual(self.number()?)),
            Operator::NumberGreaterThan => Is(Test::Greater(self.number()?)),
            Operator::NumberGreaterThanOrEquals => Is(Test::GreaterOrEqual(self.number()?)),
            Operator::NumberIn => Is(Test::Numbers(self.numbers()?)),
            Operator::NumberNotIn => IsNot(Test::Numbers(self.numbers()?)),
            Operator::NumberInRange => Is(Test::Ranges(self.ranges()?)),
            Operator::NumberNotInRange => IsNot(Test::Ranges(self.ranges()?)),
            Operator::BoolEquals => Is(Test::Bool(self.flag()?)),
            Operator::StringIn => Is(Test::Equal(self.texts()?)),
            Operator::StringNotIn => IsNot(Test::Equal(self.texts()?)),
            Operator::StringBeginsWith => Is(Test::BeginsWith(self.texts()?)),
            Operator::StringNotBeginsWith => IsNot(Test::BeginsWith(self.texts()?)),
            Operator::StringEndsWith => Is(Test::EndsWith(self.texts()?)),
            Operator::StringNotEndsWith => IsNot(Test::EndsWith(self.texts()?)),
            Operator::StringContains => Is(Test::Contains(self.texts()?)),
            Operator::StringNotContains => IsNot(Test::Contains(self.texts()?)),
        })
    }

    fn wrong(&self, wanted: &'static str) -> Mistake {
        Mistake::WrongValue { operator: self.name.to_owned(), wanted }
    }

    fn number(&self) -> Result<f64, Mistake> {
        self.filter.get("value").and_then(Value::as_f64).ok_or_else(|| self.wrong("a number as 'value'"))
    }

    fn flag(&self) -> Result<bool, Mistake> {
        self.filter.get("value").and_then(Value::as_bool).ok_or_else(|| self.wrong("true or false as 'value'"))
    }

    /// Every entry of `values` through `read`; one at least.
    fn list<T>(&self, wanted: &'static str, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, Mistake> {
        let list = self.filter.get("values").and_then(Value::as_array).filter(|list| !list.is_empty());
        let read: Option<Vec<T>> = list.and_then(|list| list.iter().map(read).collect());
        read.ok_or_else(|| self.wrong(wanted))
    }

    fn numbers(&self) -> Result<Vec<f64>, Mistake> {
        self.list("a list of numbers as 'values'", Value::as_f64)
    }

    fn ranges(&self) -> Result<Vec<(f64, f64)>, Mistake> {
        self.list("a list of pairs of numbers as 'values'", |pair| match pair.as_array()?.as_slice() {
            [low, high] => Some((low.as_f64()?, high.as_f64()?)),
            _ => None,
        })
    }

    fn texts(&self) -> Result<Vec<String>, Mistake> {
        let texts = self.list("a list of strings as 'values'", |text| text.as_str().map(str::to_owned))?;
        if texts.iter().any(|text| text.chars().count() > LONGEST_TEXT) {
            return Err(Mistake::TooLong);
        }
        Ok(texts.iter().map(|text| fold(text)).collect())
    }
}

impl Condition {
    fn values(&self) -> usize {
        match self {
            Condition::Is(test) | Condition::IsNot(test) => test.values(),
            Condition::NullOrUndefined | Condition::NotNull => 1,
        }
    }
}

impl Test {
    fn values(&self) -> usize {
        match self {
            Test::Numbers(numbers) => numbers.len(),
            Test::Ranges(ranges) => ranges.len(),
            Test::Equal(texts) | Test::BeginsWith(texts) | Test::EndsWith(texts) | Test::Contains(texts) => texts.len(),
            Test::Less(_) | Test::LessOrEqual(_) | Test::Greater(_) | Test::GreaterOrEqual(_) | Test::Bool(_) => 1,
        }
    }
}
