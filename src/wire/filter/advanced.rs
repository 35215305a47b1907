//! Advanced filters: an operator on one key of the event.
//!
//! Source: Microsoft's page on event filtering. What it leaves open, and what was chosen (unverified):
//! * Null counts as absent for every operator, as `IsNullOrUndefined` says of itself.
//! * A value that an operator cannot compare (a number for `StringContains`, or an array without
//!   `enableAdvancedFilteringOnArrays`) counts as absent. Within an array the page itself says that such values are ignored.
//! * `NumberNotInRange` does not match an absent key: the page is silent, and of the operators that came with it none does.

use super::fields::{EventFields, Found, Key};
use super::fold;

/// One advanced filter of an event subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct AdvancedFilter {
    pub(super) key: Key,
    pub(super) condition: Condition,
}

/// What is asked of the value at the key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    NullOrUndefined,
    NotNull,
    /// Some value fits.
    Is(Test),
    /// No value fits.
    IsNot(Test),
}

/// How one value is compared; several values of a filter are alternatives.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Less(f64),
    LessOrEqual(f64),
    Greater(f64),
    GreaterOrEqual(f64),
    Numbers(Vec<f64>),
    /// Both ends are included (documented).
    Ranges(Vec<(f64, f64)>),
    Bool(bool),
    /// Without letter case, as every text below: all comparisons of strings ignore it (documented).
    Equal(Vec<String>),
    BeginsWith(Vec<String>),
    EndsWith(Vec<String>),
    Contains(Vec<String>),
}

impl AdvancedFilter {
    /// True if the event passes. `on_arrays`: arrays are compared value by value.
    pub fn lets_through(&self, event: &EventFields<'_>, on_arrays: bool) -> bool {
        let found = self.key.find(event);
        match &self.condition {
            Condition::NullOrUndefined => found == Found::Nothing,
            Condition::NotNull => found != Found::Nothing,
            Condition::Is(test) => test.fits_any(found, on_arrays) == Some(true),
            Condition::IsNot(test) => match test.fits_any(found, on_arrays) {
                Some(fits) => !fits,
                None => test.absence_passes_negation(),
            },
        }
    }
}

impl Test {
    /// Whether a value fits; `None` when there is none that this test could compare. An array that is looked into always
    /// answers: what it holds of other types is ignored, even if that is all.
    fn fits_any(&self, found: Found<'_>, on_arrays: bool) -> Option<bool> {
        match found {
            Found::Array(list) if on_arrays => Some(list.iter().any(|value| self.fits(Found::of(value)) == Some(true))),
            _ => self.fits(found),
        }
    }

    /// `None` for a value of another type.
    fn fits(&self, found: Found<'_>) -> Option<bool> {
        match (self, found) {
            (Test::Less(limit), Found::Number(n)) => Some(n < *limit),
            (Test::LessOrEqual(limit), Found::Number(n)) => Some(n <= *limit),
            (Test::Greater(limit), Found::Number(n)) => Some(n > *limit),
            (Test::GreaterOrEqual(limit), Found::Number(n)) => Some(n >= *limit),
            (Test::Numbers(numbers), Found::Number(n)) => Some(numbers.contains(&n)),
            (Test::Ranges(ranges), Found::Number(n)) => {
                Some(ranges.iter().any(|(low, high)| (*low..=*high).contains(&n)))
            }
            (Test::Bool(wanted), Found::Bool(flag)) => Some(flag == *wanted),
            (Test::Equal(texts), Found::Text(text)) => some_text(texts, text, |text, wanted| text == wanted),
            (Test::BeginsWith(texts), Found::Text(text)) => {
                some_text(texts, text, |text, wanted| text.starts_with(wanted))
            }
            (Test::EndsWith(texts), Found::Text(text)) => some_text(texts, text, |text, wanted| text.ends_with(wanted)),
            (Test::Contains(texts), Found::Text(text)) => some_text(texts, text, |text, wanted| text.contains(wanted)),
            _ => None,
        }
    }

    /// Whether the Not form lets an event through that has nothing to compare: `NumberNotIn` and `StringNotIn` do, the Not
    /// forms of beginning, end and part do not (documented).
    fn absence_passes_negation(&self) -> bool {
        matches!(self, Test::Numbers(_) | Test::Equal(_))
    }
}

fn some_text(wanted: &[String], text: &str, fits: impl Fn(&str, &str) -> bool) -> Option<bool> {
    let text = fold(text);
    Some(wanted.iter().any(|wanted| fits(&text, wanted)))
}
