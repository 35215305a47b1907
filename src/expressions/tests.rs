use super::*;

const EVENT: Event<'static> = Event {
    id: "e-1",
    source: "/subscriptions/s",
    event_type: "Microsoft.Communication.ChatMessageReceived",
    subject: "thread/t/sender/a/recipient/b",
    time: "2026-01-01T00:00:00Z",
    data: r#"{"senderDisplayName":"Zoë","messageBody":"  Hi +1  ","version":7,"big":18446744073709551615,"list":["x","y"],
              "recipientCommunicationIdentifier":{"rawId":"4:+1555"},"secret":"s3cr3t"}"#,
};

fn evaluate(source: &str) -> Result<String, EvaluationError> {
    Expression::compile(source).unwrap().evaluate(&Scope::new(&EVENT).unwrap())
}

#[test]
fn expressions_give_texts() {
    let table = [
        ("'user:' + event.data.recipientCommunicationIdentifier.rawId.replace('+', '')", "user:4:1555"),
        ("event.data.senderDisplayName", "Zoë"),
        ("event.id + '|' + event.type", "e-1|Microsoft.Communication.ChatMessageReceived"),
        ("event.subject.split('/')[5]", "b"),
        ("event.time.substring(0, 4)", "2026"),
        ("event.data.senderDisplayName.substring(1)", "oë"),
        ("event.data.messageBody.trim().lowerAscii()", "hi +1"),
        ("event.source.upperAscii()", "/SUBSCRIPTIONS/S"),
        ("has(event.data.title) ? event.data.title : 'none'", "none"),
        ("event.data.version + 1 == 8 ? 'eight' : 'no'", "eight"),
        ("string(event.data.version)", "7"),
        ("string(event.data.big)", "18446744073709551615"),
        ("string(event.data.list.size()) + string(size(event.data.senderDisplayName))", "23"),
        ("string(event.data.senderDisplayName.indexOf('ë')) + string('a'.indexOf('b'))", "2-1"),
        ("{'x': 'found'}[event.data.list[0]]", "found"),
        ("event.type.endsWith('Received') && event.type.contains('Chat') ? 'chat' : ''", "chat"),
    ];
    for (source, wanted) in table {
        assert_eq!(evaluate(source).as_deref(), Ok(wanted), "{source}");
    }
}

#[test]
fn mistakes_are_found_before_there_is_an_event_and_have_a_position() {
    let table = [
        ("", 1, 1, "empty"),
        ("event.data.", 1, 12, ""),
        ("'a' +\n  user.name", 2, 3, "there is no `user`"),
        ("event.dada.x", 1, 6, "has no member `dada`"),
        ("event.id.lower()", 1, 15, "there is no function `lower`"),
        ("event.data.list.map(x, x)", 1, 20, "loops"),
        ("event.id.matches('a')", 1, 17, "no function `matches`"),
        ("getenv('HOME')", 1, 7, "no function `getenv`"),
    ];
    for (source, line, column, message) in table {
        let error = Expression::compile(source).unwrap_err();
        assert!(error.message.contains(message), "{source}: {error}");
        assert_eq!((error.line, error.column), (line, column), "{source}: {error}");
    }
}

#[test]
fn an_expression_is_bounded_in_length_and_depth() {
    let long = format!("'{}'", "a".repeat(MAX_EXPRESSION));
    assert!(Expression::compile(&long).unwrap_err().message.contains("more than 1024"));
    let wide = "1+".repeat(500) + "1";
    assert!(Expression::compile(&wide).unwrap_err().message.contains("deeper"));
    let deep = "(".repeat(300) + "event.id" + &")".repeat(300);
    assert!(Expression::compile(&deep).is_err());
    let often = |times: usize| format!("size([{}event.data]) > 0 ? 'a' : 'b'", "event,".repeat(times - 1));
    assert!(Expression::compile(&often(MAX_REFERENCES)).is_ok());
    assert!(Expression::compile(&often(MAX_REFERENCES + 1)).unwrap_err().message.contains("more than 32 times"));
    let unary = "!".repeat(900) + "true";
    let _ = Expression::compile(&unary);
}

#[test]
fn a_failed_evaluation_says_what_to_do_and_nothing_of_the_event() {
    let table = [
        ("event.data.nothing", "no member `nothing`"),
        ("event.data[event.data.secret]", "no member `…`"),
        ("event.data.senderDisplayName + event.data.version", "`+` does not take"),
        ("event.data.version", "a number"),
        ("event.data", "an object"),
        ("event.data.secret.substring(3, 99)", "`substring` has no result"),
        ("event.data.secret.split('')[0]", "`split` has no result"),
        ("event.data.list[9]", "no result"),
        ("string(1 / 0)", "arithmetic"),
        ("string(int(event.data.secret))", "no result"),
    ];
    for (source, wanted) in table {
        let error = evaluate(source).unwrap_err().to_string();
        assert!(error.contains(wanted), "{source}: {error}");
        assert!(!error.contains("s3cr3t"), "{source}: {error}");
    }
}

#[test]
fn texts_and_events_are_bounded() {
    let data = format!(r#"{{"m":"{}"}}"#, "a".repeat(40_000));
    let event = Event { data: &data, ..EVENT };
    let scope = Scope::new(&event).unwrap();
    let replaced = Expression::compile("event.data.m.replace('', event.data.m)").unwrap().evaluate(&scope);
    assert_eq!(replaced, Err(EvaluationError::Failed("`replace`".to_owned())));
    let joined = Expression::compile("event.data.m + event.data.m").unwrap().evaluate(&scope);
    assert!(matches!(joined, Err(EvaluationError::TooLong(_))));
    let long = format!(r#"{{"m":"{}"}}"#, "a".repeat(MAX_EVENT));
    assert!(matches!(Scope::new(&Event { data: &long, ..EVENT }), Err(EvaluationError::TooLong(_))));
    let many = |items: usize| format!("[{}0]", "0,".repeat(items - 1));
    assert!(Scope::new(&Event { data: &many(MAX_VALUES - 1), ..EVENT }).is_ok());
    assert!(matches!(Scope::new(&Event { data: &many(MAX_VALUES), ..EVENT }), Err(EvaluationError::TooLong(_))));
    assert!(matches!(Scope::new(&Event { data: "{", ..EVENT }), Err(EvaluationError::NoJson)));
}

#[test]
fn expressions_and_scopes_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Expression>();
}

#[test]
fn the_documentation_names_every_function_and_bound() {
    let page = include_str!("../../docs/relay/push-rules.md");
    let line = page.lines().find(|line| line.starts_with("- Functions:")).unwrap();
    let named: Vec<_> = line.split('`').skip(1).step_by(2).collect();
    assert_eq!(named, functions::NAMES);
    for bound in [MAX_EXPRESSION, MAX_DEPTH, MAX_REFERENCES, MAX_EVENT, MAX_VALUES, MAX_TEXT] {
        assert!(page.contains(&format!(" {bound} ")), "{bound}");
    }
    assert!(EVENT_MEMBERS.iter().all(|member| page.contains(&format!("`{member}`"))));
}
