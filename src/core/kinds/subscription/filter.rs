//! Which events an event subscription lets through, beside their types.

use acs_wire::filter::Operator;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kinds::text::{EventKey, FilterText, SubjectPart};

/// Filter on an event's subject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubjectFilter {
    /// Beginning of the subject. Example: `/phonenumber/` (SMS events have the leading slash).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_with: Option<SubjectPart>,
    /// End of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_with: Option<SubjectPart>,
    /// `Sensitive` or `Insensitive` (default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<LetterCase>,
}

/// Whether letter case counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LetterCase {
    /// It counts.
    Sensitive,
    /// It does not.
    Insensitive,
}

/// Whether advanced filters look into arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FilteringOnArrays {
    /// An array passes when one of its values does.
    Enabled,
    /// An array counts as absent.
    Disabled,
}

/// An operator on one key of the event. `operatorType` says which member holds what it compares with; strings are compared
/// without letter case, and several values are alternatives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.strings) == (self.operatorType in ['StringIn', 'StringNotIn', 'StringBeginsWith', 'StringNotBeginsWith', 'StringEndsWith', 'StringNotEndsWith', 'StringContains', 'StringNotContains'])").message("`strings` must be set exactly when `operatorType` begins with \"String\""),
    validation = Rule::new("has(self.numbers) == (self.operatorType in ['NumberIn', 'NumberNotIn'])").message("`numbers` must be set exactly when `operatorType` is \"NumberIn\" or \"NumberNotIn\""),
    validation = Rule::new("has(self.ranges) == (self.operatorType in ['NumberInRange', 'NumberNotInRange'])").message("`ranges` must be set exactly when `operatorType` is \"NumberInRange\" or \"NumberNotInRange\""),
    validation = Rule::new("has(self.number) == (self.operatorType in ['NumberLessThan', 'NumberLessThanOrEquals', 'NumberGreaterThan', 'NumberGreaterThanOrEquals'])").message("`number` must be set exactly when `operatorType` begins with \"NumberLessThan\" or \"NumberGreaterThan\""),
    validation = Rule::new("has(self.boolean) == (self.operatorType in ['BoolEquals'])").message("`boolean` must be set exactly when `operatorType` is \"BoolEquals\""),
)]
pub struct AdvancedFilter {
    /// How the value at `key` is compared. `IsNullOrUndefined` and `IsNotNull` take nothing beside it.
    #[schemars(schema_with = "operator_schema")]
    pub operator_type: Operator,
    /// Which value: a member of the envelope, or one of `data`, as deep as it lies. A member whose name has a dot cannot be named.
    /// Example: `data.from`.
    pub key: EventKey,
    /// Set for the operators on strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 25))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub strings: Option<Vec<FilterText>>,
    /// Set for `NumberIn` and `NumberNotIn`. A whole number is written as it is, another as a text: `"2.5"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 25))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub numbers: Option<Vec<Decimal>>,
    /// Set for `NumberInRange` and `NumberNotInRange`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 25))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub ranges: Option<Vec<NumberRange>>,
    /// Set for the other operators on numbers. A whole number is written as it is, another as a text: `"2.5"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Decimal>,
    /// Set for `BoolEquals`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boolean: Option<bool>,
}

fn operator_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "string", "enum": Operator::ALL.map(Operator::name)})
}

/// A range of numbers, both ends in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("double(self.from) <= double(self.to)").message("`from` must be at most `to`: no number is in the range else"))]
pub struct NumberRange {
    /// Least number in the range. A whole number is written as it is, another as a text: `"2.5"`.
    pub from: Decimal,
    /// Greatest number in the range. A whole number is written as it is, another as a text: `"2.5"`.
    pub to: Decimal,
}

/// A number: a fraction is a text, as floats in a spec read back otherwise than they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Decimal {
    /// A whole number.
    Whole(i64),
    /// A number in decimal notation. Example: `-2.5`.
    Text(String),
}

impl Decimal {
    /// As ARM takes it; null for a text that is no number, which the CRD does not let in.
    pub fn json(&self) -> Value {
        match self {
            Decimal::Whole(number) => json!(number),
            Decimal::Text(text) => text.parse::<f64>().map_or(Value::Null, |number| json!(number)),
        }
    }
}

impl JsonSchema for Decimal {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // Azure echoes doubles: beyond these two whole numbers would look like one.
        schemars::json_schema!({
            "x-kubernetes-int-or-string": true,
            "minimum": -9_007_199_254_740_991_i64,
            "maximum": 9_007_199_254_740_991_i64,
            "maxLength": 32,
            "pattern": "^-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,15})?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use acs_wire::filter::Operand;
    use kube::CustomResourceExt;

    use super::*;
    use crate::kinds::EventSubscription;

    fn schema() -> Value {
        let crd = serde_json::to_value(EventSubscription::crd()).unwrap();
        let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
        crd.pointer(&format!("{spec}/advancedFilters/items")).unwrap().clone()
    }

    /// The rules are texts, so they could speak of other operators than the one table has.
    #[test]
    fn each_member_is_asked_for_by_the_operators_that_take_it() {
        let mut wanted: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for operator in Operator::ALL {
            let member = match operator.operand() {
                Operand::Nothing => continue,
                Operand::Number => "number",
                Operand::Numbers => "numbers",
                Operand::Ranges => "ranges",
                Operand::Boolean => "boolean",
                Operand::Strings => "strings",
            };
            wanted.entry(member).or_default().push(format!("'{}'", operator.name()));
        }
        let schema = schema();
        let rules: Vec<&str> = schema["x-kubernetes-validations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["rule"].as_str().unwrap())
            .collect();
        for (member, operators) in &wanted {
            let rule = format!("has(self.{member}) == (self.operatorType in [{}])", operators.join(", "));
            assert!(rules.contains(&rule.as_str()), "{rule}\n{rules:#?}");
        }
        assert_eq!(rules.len(), wanted.len());
        assert_eq!(schema["properties"]["operatorType"]["enum"].as_array().unwrap().len(), Operator::ALL.len());
    }

    #[test]
    fn whole_numbers_are_bounded_by_what_a_double_tells_apart() {
        for pointer in ["/properties/number", "/properties/numbers/items", "/properties/ranges/items/properties/to"] {
            let schema = schema();
            let bounds = ["minimum", "maximum"].map(|bound| schema.pointer(pointer).unwrap()[bound].as_f64().unwrap());
            assert_eq!(bounds, [-9_007_199_254_740_991.0, 9_007_199_254_740_991.0], "{pointer}");
            assert!(bounds[1] < bounds[1] + 1.0);
        }
    }

    #[test]
    fn numbers_are_whole_or_texts() {
        let read = |value: Value| serde_json::from_value::<Decimal>(value).map(|number| number.json());
        assert_eq!(read(json!(-7)).unwrap(), json!(-7));
        assert_eq!(read(json!("2.50")).unwrap(), json!(2.5));
        assert!(read(json!(2.5)).is_err() && read(json!(true)).is_err());
    }
}
