//! Every event type there is, in both schemas and both forms, `data` equal to the byte.

use serde_json::{Value, json};

use crate::ground::{Ground, Received, Target, config, route};

/// Events of all samples: the name of the file, the schema, and the body of the request with an id of its own.
fn samples() -> Vec<(String, &'static str, Value)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/events");
    let mut found = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let variants = sample["variants"].as_array().cloned().unwrap_or_default();
        let bodies =
            [("eventGrid", sample["eventGrid"].clone()), ("cloudEvents", sample["cloudEvents"].clone())].into_iter();
        let variants = variants.into_iter().map(|variant| match variant["schema"].as_str() {
            Some("cloudEvents") => ("cloudEvents", variant["body"].clone()),
            _ => ("eventGrid", variant["body"].clone()),
        });
        for (schema, mut body) in bodies.chain(variants).filter(|(_, body)| !body.is_null()) {
            let id = format!("sample-{}", found.len());
            let event = if body.is_array() { &mut body[0] } else { &mut body };
            event["id"] = json!(id);
            found.push((name.clone(), schema, body));
        }
    }
    found
}

/// Writes JSON as no serializer does: other spaces, other forms of the same numbers and letters. Only texts equal to the byte
/// survive a comparison then.
fn oddly(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("\t\"{name}\" :{}", oddly(value)));
            format!("{{ {}\r\n}}", members.collect::<Vec<_>>().join(" ,"))
        }
        Value::Array(items) => format!("[ {} ]", items.iter().map(oddly).collect::<Vec<_>>().join(", ")),
        Value::Number(number) if number.is_i64() => format!("{number}.0e0"),
        Value::String(text) => {
            value.to_string().replacen('a', "\\u0061", usize::from(!text.contains('\\'))).replace('/', "\\/")
        }
        other => other.to_string(),
    }
}

fn expected<'a>(event: &'a Value, schema: &str, attribute: &str) -> &'a str {
    let name = match (schema, attribute) {
        ("eventGrid", "source") => "topic",
        ("eventGrid", "type") => "eventType",
        ("eventGrid", "time") => "eventTime",
        (_, other) => other,
    };
    event[name].as_str().unwrap_or_default()
}

fn decoded(received: &Received, attribute: &str) -> String {
    let value = received.header(&format!("ce-{attribute}"));
    assert!(value.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'"'), "{value}");
    percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned()
}

#[tokio::test]
async fn all_event_types_arrive_in_both_forms_with_their_data_equal_to_the_byte() {
    let (binary, structured) = (Target::start().await, Target::start().await);
    let mut second = route("structured", &structured.url());
    second["encoding"] = json!("Structured");
    let ground = Ground::with(&config(&[route("binary", &binary.url()), second])).await;
    let samples = samples();
    let types: std::collections::BTreeSet<_> = samples.iter().map(|(name, ..)| name).collect();
    assert!(types.len() >= 56, "{} types", types.len());
    for (name, schema, body) in &samples {
        let event = if body.is_array() { &body[0] } else { body };
        let data = oddly(&event["data"]);
        let mut rest = event.clone();
        rest["data"] = json!("HERE");
        let object = rest.to_string().replacen("\"HERE\"", &format!(" {data} "), 1);
        // Either schema may come as an object or as an array, whatever the content type says.
        for form in [object.clone(), format!(" [{object} ]")] {
            let form = form.replacen("\"sample-", &format!("\"{}-sample-", form.starts_with(' ')), 1);
            let reply = ground.deliver(form.clone()).await;
            assert_eq!(reply.status, 200, "{name} {schema}: {:?}", reply.body);
            let (got, whole) = (binary.received().pop().unwrap(), structured.received().pop().unwrap());
            assert_eq!(got.body, data.as_bytes(), "{name} {schema}");
            assert_eq!(got.header("content-type"), "application/json");
            assert_eq!(got.header("ce-specversion"), "1.0");
            let text = String::from_utf8(whole.body.to_vec()).unwrap();
            assert!(text.contains(&format!("\"data\":{data}")), "{name} {schema}: {text}");
            assert_eq!(whole.header("content-type"), "application/cloudevents+json; charset=utf-8");
            let json: Value = serde_json::from_str(&text).unwrap();
            for attribute in ["source", "type", "subject", "time"] {
                let wanted = expected(event, schema, attribute);
                assert_eq!(decoded(&got, attribute), wanted, "{name} {schema} {attribute}");
                assert_eq!(json[attribute].as_str().unwrap_or_default(), wanted, "{name} {schema} {attribute}");
            }
        }
    }
    assert_eq!(binary.count(), samples.len() * 2);
    assert_eq!(structured.count(), samples.len() * 2);
}

#[tokio::test]
async fn attributes_that_are_no_ascii_are_encoded_and_further_ones_go_along() {
    let target = Target::start().await;
    let ground = Ground::with(&config(&[route("all", &target.url())])).await;
    let event = json!({"specversion": "1.0", "id": "ä \"1\" 100%", "source": "/s", "type": "t", "subject": "a/é\n",
        "traceparent": "00-abc", "sampled": true, "rank": 7, "Odd_Name": "x", "nested": {"a": 1}, "data": null,
        "long": "x".repeat(5000), "lines": "a\r\nx-more: b"});
    assert_eq!(ground.deliver(event.to_string()).await.status, 200);
    let got = target.received().pop().unwrap();
    assert_eq!(got.header("ce-id"), "%C3%A4%20%221%22%20100%25");
    assert_eq!(got.header("ce-subject"), "a/%C3%A9%0A");
    assert_eq!(
        (got.header("ce-traceparent"), got.header("ce-sampled"), got.header("ce-rank")),
        ("00-abc", "true", "7")
    );
    assert!(!got.headers.contains_key("ce-odd_name") && !got.headers.contains_key("ce-nested"));
    assert!(!got.headers.contains_key("ce-long") && !got.headers.contains_key("x-more"));
    assert_eq!(got.header("ce-lines"), "a%0D%0Ax-more:%20b");
    assert_eq!(got.body.as_ref(), b"null");

    let octets = json!({"specversion": "1.0", "id": "2", "source": "/s", "type": "t", "data_base64": "AAH/",
        "datacontenttype": "image/png"});
    assert_eq!(ground.deliver(octets.to_string()).await.status, 200);
    let got = target.received().pop().unwrap();
    assert_eq!((got.body.as_ref(), got.header("content-type")), (&[0, 1, 255][..], "image/png"));
}
