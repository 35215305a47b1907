//! Templates: bodies in whose values expressions stand, filled in for each registration.
//!
//! An expression stands only where a whole value of JSON, or a whole attribute or text of XML, begins with it (documented:
//! "only in particular places"). So `Hello $(name)` is a text as it stands, and `{'Hello ' + $(name)}` is how to say it.

mod expression;
mod json_body;
mod xml_body;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::push::Platform;

pub(super) use expression::Expression;

/// Characters of a template's name (as the .NET SDK checks it).
const NAME: usize = 200;

/// A template as registrations and installations hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Template {
    pub(super) name: Option<String>,
    pub(super) body: String,
    /// `X-WNS-Type`, `apns-priority` …, whose values may be expressions.
    pub(super) headers: BTreeMap<String, String>,
    /// Of APNs only: a date, or an expression.
    pub(super) expiry: Option<String>,
    pub(super) priority: Option<String>,
}

/// What a message brings to its templates. Names are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties(BTreeMap<String, String>);

impl Properties {
    /// The body of a template notification: a flat object. Numbers and booleans are taken as their text (unverified).
    pub(super) fn parse(body: &str) -> Result<Self, &'static str> {
        const SHAPE: &str = "The body of a template notification is a flat JSON object of texts.";
        let Ok(Value::Object(map)) = serde_json::from_str(body) else { return Err(SHAPE) };
        let mut properties = BTreeMap::new();
        for (name, value) in map {
            let text = match value {
                Value::String(text) => text,
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return Err(SHAPE),
            };
            properties.insert(name.to_lowercase(), text);
        }
        Ok(Self(properties))
    }

    /// The same, and what the registration's own push variables add (that the message wins is unverified).
    pub(super) fn with(&self, variables: &BTreeMap<String, String>) -> Self {
        let mut all: BTreeMap<_, _> = variables.iter().map(|(n, v)| (n.to_lowercase(), v.clone())).collect();
        all.extend(self.0.clone());
        Self(all)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_lowercase()).map(String::as_str)
    }
}

impl Template {
    /// Whether the hub takes it (as the SDKs' own checks and the documentation of the body's format say).
    pub(super) fn check(&self, platform: Platform) -> Result<(), String> {
        if self.name.as_ref().is_some_and(|name| name.chars().count() > NAME) {
            return Err(format!("The name of a template has at most {NAME} characters."));
        }
        if self.body.trim_start().starts_with('<') && platform.speaks_xml() {
            xml_body::check(&self.body)?;
        } else {
            json_body::check(&self.body)?;
        }
        for (name, value) in &self.headers {
            if platform == Platform::Apple && !name.to_ascii_lowercase().starts_with("apns-") {
                return Err("The headers of a template for APNs begin with 'apns-'.".into());
            }
            Expression::parse(value)?;
        }
        let has = |wanted: &str| self.headers.keys().any(|name| name.eq_ignore_ascii_case(wanted));
        if platform == Platform::Windows && !has("X-WNS-Type") {
            return Err("A template for WNS needs the header X-WNS-Type.".into());
        }
        for value in [&self.expiry, &self.priority].into_iter().flatten() {
            Expression::parse(value)?;
        }
        Ok(())
    }

    /// The payload and the platform's headers, in lower case.
    pub(super) fn render(&self, platform: Platform, properties: &Properties) -> (String, BTreeMap<String, String>) {
        let body = if self.body.trim_start().starts_with('<') && platform.speaks_xml() {
            xml_body::render(&self.body, properties)
        } else {
            json_body::render(&self.body, properties)
        };
        let value = |text: &str| Expression::parse(text).map_or_else(|_| text.to_owned(), |e| e.text(properties));
        let mut headers: BTreeMap<String, String> =
            self.headers.iter().map(|(name, text)| (name.to_ascii_lowercase(), value(text))).collect();
        if let Some(expiry) = &self.expiry {
            headers.insert("servicebusnotification-apns-expiry".into(), value(expiry));
        }
        if let Some(priority) = &self.priority {
            headers.entry("apns-priority".into()).or_insert_with(|| value(priority));
        }
        (body, headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(body: &str) -> Template {
        Template { body: body.into(), ..Template::default() }
    }

    fn rendered(platform: Platform, body: &str, properties: &str) -> String {
        let template = template(body);
        let properties = Properties::parse(properties).expect("properties");
        template.render(platform, &properties).0
    }

    #[test]
    fn json_values_are_filled_in_and_nothing_else() {
        let body = r##"{"aps":{"alert":"$(message)","badge":"#(count)","sound":"Hello $(message)"},"$(message)":[1,"%(message)"]}"##;
        let shown = rendered(Platform::Apple, body, r#"{"Message":"a \"b\" c","count":"7"}"#);
        let value: Value = serde_json::from_str(&shown).expect("JSON");
        let expected = serde_json::json!({
            "aps": {"alert": "a \"b\" c", "badge": 7, "sound": "Hello $(message)"},
            "$(message)": [1, "a%20%22b%22%20c"],
        });
        assert_eq!(value, expected);
        let text = rendered(Platform::Apple, r##"{"badge":"#(count)"}"##, r#"{"count":"many"}"#);
        assert_eq!(text, r#"{"badge":"many"}"#, "not a number");
    }

    #[test]
    fn xml_attributes_and_texts_are_filled_in() {
        let body = r#"<toast launch="$(id)"><visual><text id="1">{'Hi, ' + $(name)}</text><text> as it stands </text></visual></toast>"#;
        let shown = rendered(Platform::Windows, body, r#"{"id":"a\"b","name":"<Ada> & co"}"#);
        assert_eq!(
            shown,
            "<toast launch=\"a&quot;b\"><visual><text id=\"1\">Hi, &lt;Ada&gt; &amp; co</text>\
             <text> as it stands </text></visual></toast>"
        );
    }

    #[test]
    fn what_the_message_lacks_comes_from_the_registration() {
        let variables = BTreeMap::from([("City".to_owned(), "Oslo".to_owned()), ("n".to_owned(), "1".to_owned())]);
        let properties = Properties::parse(r#"{"N":2}"#).expect("properties").with(&variables);
        let (body, _) = template(r#"{"a":"$(city)","b":"$(n)","c":"$(none)"}"#).render(Platform::FcmV1, &properties);
        assert_eq!(body, r#"{"a":"Oslo","b":"2","c":""}"#);
    }

    #[test]
    fn headers_and_expiry_are_expressions_too() {
        let template = Template {
            headers: BTreeMap::from([("apns-priority".to_owned(), "$(p)".to_owned())]),
            expiry: Some("$(until)".to_owned()),
            ..template(r#"{"aps":{}}"#)
        };
        assert_eq!(template.check(Platform::Apple), Ok(()));
        let properties = Properties::parse(r#"{"p":"5","until":"2030-01-01"}"#).expect("properties");
        let (_, headers) = template.render(Platform::Apple, &properties);
        let shown: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(shown, [("apns-priority", "5"), ("servicebusnotification-apns-expiry", "2030-01-01")]);
    }

    #[test]
    fn what_no_hub_takes_is_refused() {
        let wns = BTreeMap::from([("X-WNS-Type".to_owned(), "wns/toast".to_owned())]);
        for (platform, body, headers) in [
            (Platform::Apple, "{", BTreeMap::new()),
            (Platform::Apple, "[]", BTreeMap::new()),
            (Platform::Apple, "<toast/>", BTreeMap::new()),
            (Platform::Apple, r#"{"a":"$(b"}"#, BTreeMap::new()),
            (Platform::Apple, "{}", wns.clone()),
            (Platform::Windows, "<toast/>", BTreeMap::new()),
            (Platform::Windows, "<toast>", wns.clone()),
            (Platform::Windows, "<toast>$(a b)</toast>", wns.clone()),
        ] {
            let template = Template { headers, ..template(body) };
            assert!(template.check(platform).is_err(), "{body}");
        }
        let long = Template { name: Some("n".repeat(201)), ..template("{}") };
        assert!(long.check(Platform::Apple).is_err());
        assert!(Properties::parse(r#"{"a":{}}"#).is_err() && Properties::parse("[]").is_err());
    }
}
