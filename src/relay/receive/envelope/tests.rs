use super::*;

fn one(text: &str) -> Result<Event, Malformed> {
    parse(&Bytes::copy_from_slice(text.as_bytes())).map(|mut events| events.remove(0))
}

#[test]
fn both_schemas_give_the_same_event() {
    let cloud = one(
        r#" {"specversion":"1.0","id":"1","source":"/s","type":"T","subject":"x","time":"now","data": {"a" :1.0e0} }"#,
    );
    let grid = one(
        r#" [ {"id":"1","topic":"/s","eventType":"T","subject":"x","eventTime":"now","metadataVersion":"1","data": {"a" :1.0e0} }]"#,
    );
    let cloud = cloud.unwrap();
    assert_eq!(cloud, grid.unwrap());
    assert_eq!(cloud.data, Payload::Json(Bytes::from_static(br#"{"a" :1.0e0}"#)));
}

#[test]
fn data_is_a_part_of_the_body_not_a_copy() {
    let body = Bytes::from_static(br#"{"specversion":"1.0","id":"1","source":"/s","type":"T","data":[1, 2]}"#);
    let events = parse(&body).unwrap();
    let Payload::Json(data) = &events[0].data else { panic!("no data") };
    assert!(body.as_ptr_range().contains(&data.as_ptr()));
}

#[test]
fn the_schema_decides_which_names_count() {
    let event = one(
        r#"{"specversion":"1.0","id":"1","source":"/s","type":"T","topic":"/t","eventType":"E","traceparent":"p"}"#,
    )
    .unwrap();
    assert_eq!((event.source.as_str(), event.event_type.as_str()), ("/s", "T"));
    assert_eq!(event.extensions, [("traceparent".to_owned(), Bytes::from_static(b"\"p\""))]);
    let event =
        one(r#"{"id":"1","source":"/s","type":"T","topic":"/t","eventType":"E","dataVersion":"2","other":1}"#).unwrap();
    assert_eq!((event.source.as_str(), event.event_type.as_str()), ("/t", "E"));
    assert_eq!(event.extensions, [("dataversion".to_owned(), Bytes::from_static(b"\"2\""))]);
}

#[test]
fn what_is_no_event_is_malformed() {
    let long = "x".repeat(MAX_ATTRIBUTE + 1);
    let table = [
        String::new(),
        "\"text\"".to_owned(),
        "[]".to_owned(),
        "[[]]".to_owned(),
        "[1]".to_owned(),
        "{\"specversion\":\"1.0\"".to_owned(),
        r#"{"specversion":"1.0","source":"/s","type":"T"}"#.to_owned(),
        r#"{"specversion":"1.0","id":"1","type":"T"}"#.to_owned(),
        r#"{"specversion":"1.0","id":"1","source":"/s"}"#.to_owned(),
        r#"{"specversion":"1.0","id":1,"source":"/s","type":"T"}"#.to_owned(),
        r#"{"specversion":"0.3","id":"1","source":"/s","type":"T"}"#.to_owned(),
        r#"{"specversion":"1.0","id":"1","id":"2","source":"/s","type":"T"}"#.to_owned(),
        r#"{"specversion":"1.0","id":"1","source":"/s","type":"T","data":1,"data":2}"#.to_owned(),
        r#"{"specversion":"1.0","id":"1","source":"/s","type":"T","data":1,"data_base64":"AA=="}"#.to_owned(),
        r#"{"specversion":"1.0","id":"1","source":"/s","type":"T","data_base64":7}"#.to_owned(),
        r#"{"specversion":"1.0","id":"1","source":"/s","type":"T","data_base64":"A"}"#.to_owned(),
        r#"{"specversion":"1.0","id":"1","source":"/s","type":"T","x":1,"x":2}"#.to_owned(),
        r#"{"specversion":"1.0","id":"1","source":"/s","type":"T"} {}"#.to_owned(),
        r#"[{"specversion":"1.0","id":"1","source":"/s","type":"T"},{}]"#.to_owned(),
        format!(r#"{{"specversion":"1.0","id":"{long}","source":"/s","type":"T"}}"#),
        "[".repeat(100_000),
        format!(
            "{{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"T\",\"x\":{}",
            "[".repeat(100_000)
        ),
    ];
    for text in table {
        assert!(one(&text).is_err(), "{}", text.get(..80).unwrap_or(&text));
    }
    let not_utf8 = Bytes::from_static(b"{\"specversion\":\"1.0\",\"id\":\"\xff\",\"source\":\"/s\",\"type\":\"T\"}");
    assert_eq!(parse(&not_utf8), Err(Malformed));
}

#[test]
fn an_attribute_that_is_null_or_empty_is_none() {
    let event = one(r#"{"specversion":"1.0","id":"1","source":"/s","type":"T","subject":null,"time":""}"#).unwrap();
    assert_eq!((event.subject, event.time, event.data), (None, None, Payload::None));
}

#[test]
fn extensions_are_bounded() {
    let many: String = (0..100).map(|n| format!(",\"x{n}\":{n}")).collect();
    let event = one(&format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"T"{many},"data":1}}"#)).unwrap();
    assert_eq!((event.extensions.len(), event.data), (MAX_EXTENSIONS, Payload::Json(Bytes::from_static(b"1"))));
}

/// That it stops there shows in the error: it comes before the end, which is missing here.
#[test]
fn events_are_counted_while_they_are_read() {
    let event = r#"{"specversion":"1.0","id":"1","source":"/s","type":"T"},"#;
    let most = format!("[{}", event.repeat(MAX_EVENTS));
    let whole = format!("{}]", most.trim_end_matches(','));
    assert_eq!(parse(&Bytes::from(whole)).unwrap().len(), MAX_EVENTS);
    let broken = |error: serde_json::Error| error.to_string();
    let one_more = format!("{most}{event}");
    let error = serde_json::from_str::<Batch<'_>>(&one_more).map(|_| ()).map_err(broken).unwrap_err();
    assert!(error.contains("too many"), "{error}");
}
