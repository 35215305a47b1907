//! The operators of advanced filters: one table for whoever declares, checks or evaluates them.

use serde::{Deserialize, Serialize};

/// What is compared, and how. Spelt as ARM spells it in `operatorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each variant is the operator of that name")]
pub enum Operator {
    IsNullOrUndefined,
    IsNotNull,
    NumberLessThan,
    NumberLessThanOrEquals,
    NumberGreaterThan,
    NumberGreaterThanOrEquals,
    NumberIn,
    NumberNotIn,
    NumberInRange,
    NumberNotInRange,
    BoolEquals,
    StringIn,
    StringNotIn,
    StringBeginsWith,
    StringNotBeginsWith,
    StringEndsWith,
    StringNotEndsWith,
    StringContains,
    StringNotContains,
}

/// What an operator takes beside the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operand {
    /// Nothing.
    Nothing,
    /// One number, as `value`.
    Number,
    /// Numbers, as `values`.
    Numbers,
    /// Pairs of numbers, as `values`.
    Ranges,
    /// True or false, as `value`.
    Boolean,
    /// Strings, as `values`.
    Strings,
}

impl Operator {
    /// Every operator (documented).
    pub const ALL: [Operator; 19] = [
        Operator::IsNullOrUndefined,
        Operator::IsNotNull,
        Operator::NumberLessThan,
        Operator::NumberLessThanOrEquals,
        Operator::NumberGreaterThan,
        Operator::NumberGreaterThanOrEquals,
        Operator::NumberIn,
        Operator::NumberNotIn,
        Operator::NumberInRange,
        Operator::NumberNotInRange,
        Operator::BoolEquals,
        Operator::StringIn,
        Operator::StringNotIn,
        Operator::StringBeginsWith,
        Operator::StringNotBeginsWith,
        Operator::StringEndsWith,
        Operator::StringNotEndsWith,
        Operator::StringContains,
        Operator::StringNotContains,
    ];

    /// As ARM spells it.
    pub fn name(self) -> &'static str {
        match self {
            Operator::IsNullOrUndefined => "IsNullOrUndefined",
            Operator::IsNotNull => "IsNotNull",
            Operator::NumberLessThan => "NumberLessThan",
            Operator::NumberLessThanOrEquals => "NumberLessThanOrEquals",
            Operator::NumberGreaterThan => "NumberGreaterThan",
            Operator::NumberGreaterThanOrEquals => "NumberGreaterThanOrEquals",
            Operator::NumberIn => "NumberIn",
            Operator::NumberNotIn => "NumberNotIn",
            Operator::NumberInRange => "NumberInRange",
            Operator::NumberNotInRange => "NumberNotInRange",
            Operator::BoolEquals => "BoolEquals",
            Operator::StringIn => "StringIn",
            Operator::StringNotIn => "StringNotIn",
            Operator::StringBeginsWith => "StringBeginsWith",
            Operator::StringNotBeginsWith => "StringNotBeginsWith",
            Operator::StringEndsWith => "StringEndsWith",
            Operator::StringNotEndsWith => "StringNotEndsWith",
            Operator::StringContains => "StringContains",
            Operator::StringNotContains => "StringNotContains",
        }
    }

    /// The operator of that name, in any letter case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.name().eq_ignore_ascii_case(name))
    }

    /// What it takes beside the key.
    pub fn operand(self) -> Operand {
        match self {
            Operator::IsNullOrUndefined | Operator::IsNotNull => Operand::Nothing,
            Operator::NumberLessThan
            | Operator::NumberLessThanOrEquals
            | Operator::NumberGreaterThan
            | Operator::NumberGreaterThanOrEquals => Operand::Number,
            Operator::NumberIn | Operator::NumberNotIn => Operand::Numbers,
            Operator::NumberInRange | Operator::NumberNotInRange => Operand::Ranges,
            Operator::BoolEquals => Operand::Boolean,
            Operator::StringIn
            | Operator::StringNotIn
            | Operator::StringBeginsWith
            | Operator::StringNotBeginsWith
            | Operator::StringEndsWith
            | Operator::StringNotEndsWith
            | Operator::StringContains
            | Operator::StringNotContains => Operand::Strings,
        }
    }
}
