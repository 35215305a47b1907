//! What ARM says to what it cannot read, and that nothing changes by it.

use super::*;

fn send(azure: &mut Client, method: &str, path: &str, media: Option<&str>, body: &[u8]) -> Response {
    let mut headers = vec![("authorization".to_owned(), format!("Bearer {}", azure.token))];
    headers.extend(media.map(|m| ("content-type".to_owned(), m.to_owned())));
    let request = Request { method: method.into(), path: path.into(), headers, body: body.into() };
    handle(&mut azure.world, &request, azure.now)
}

const BODY: &[u8] = br#"{"location":"global","properties":{"dataLocation":"Europe"}}"#;

#[test]
fn the_media_type_must_be_json() {
    let path = format!("{}?api-version={ACS}", service("shop"));
    for (media, word) in [
        (None, "'<null>'"),
        (Some("text/plain"), "'text/plain'"),
        (Some("application/xml; charset=utf-8"), "'application/xml'"),
    ] {
        let mut azure = instant();
        for method in ["PUT", "PATCH", "POST"] {
            let path = if method == "POST" { path.replace("?", "/regenerateKey?") } else { path.clone() };
            let refused = send(&mut azure, method, &path, media, BODY);
            assert_eq!(refusal(&refused), (415, "UnsupportedMediaType".into()), "{method}");
            assert!(refused.value()["error"]["message"].as_str().expect("a message").contains(word), "{word}");
        }
        assert!(azure.world.resource(&service("shop")).is_none());
    }
    for media in ["application/json", "application/json; charset=utf-8", "Application/JSON", "text/json"] {
        assert_eq!(send(&mut instant(), "PUT", &path, Some(media), BODY).status, 201, "{media}");
    }
    // Without a body there is nothing to read.
    let mut azure = instant();
    azure.put_service("shop");
    let keys = format!("{}/listKeys?api-version={ACS}", service("shop"));
    assert_eq!(send(&mut azure, "POST", &keys, Some("text/plain"), b"").status, 200);
}

#[test]
fn nothing_changes_by_what_cannot_be_read() {
    let mut azure = instant();
    azure.put_hub();
    azure.put_service("shop");
    azure.pass(0);
    let before: Vec<(String, Value)> = azure.world.resources().map(|(k, v)| (k.to_owned(), v.clone())).collect();
    let id = service("shop");
    let topic = format!("{RG}/providers/Microsoft.EventGrid/systemTopics/topic");
    let cases: &[(&str, String, &[u8], u16)] = &[
        ("PUT", format!("{id}?api-version={ACS}"), b"{\"location\":", 400),
        ("PUT", format!("{id}?api-version={ACS}"), b"\xff\xfe", 400),
        ("PATCH", format!("{id}?api-version={ACS}"), b"[]", 400),
        ("PATCH", format!("{id}?api-version={ACS}"), b"7", 400),
        ("PATCH", format!("{id}?api-version={ACS}"), b"", 400),
        ("PATCH", id.clone(), b"{}", 400),
        ("PATCH", format!("{id}?api-version="), b"{}", 400),
        ("DELETE", format!("{id}?api-version=2099-01-01"), b"", 400),
        ("DELETE", format!("{id}?api-version={ACS}&api-version={ACS}"), b"", 400),
        ("DELETE", format!("{id}?api-version={ACS}&Api-Version=2023-04-01"), b"", 400),
        // Found by the fuzz target: segments between group and provider were passed over.
        ("DELETE", format!("{}?api-version={ACS}", id.replace("/providers/", "/more/words/providers/")), b"", 400),
        ("DELETE", format!("{}?api-version={ACS}", id.replace("/providers/", "/more/providers/")), b"", 400),
        // What lies in groups lies nowhere else.
        ("PUT", format!("{}?api-version={ACS}", id.replace("/resourceGroups/rg-shop", "")), BODY, 404),
        ("DELETE", format!("{id}%2f..?api-version={ACS}"), b"", 400),
        ("DELETE", format!("{id}/../shop?api-version={ACS}"), b"", 400),
        ("DELETE", format!("{id}/%2E%2E?api-version={ACS}"), b"", 400),
        ("DELETE", format!("{id}%5cx?api-version={ACS}"), b"", 400),
        ("DELETE", format!("{id}%00?api-version={ACS}"), b"", 400),
        ("PUT", format!("{topic}?api-version={EG}"), b"{\"location\":\"global\",\"properties\":7}", 400),
        ("DELETE", format!("{}/x?api-version={ACS}", id.replace("communicationServices", "others")), b"", 404),
        ("POST", format!("{id}/explode?api-version={ACS}"), b"", 404),
        ("PUT", format!("/nowhere?api-version={ACS}"), b"{}", 400),
        ("PUT", "/nowhere?api-version=2021-04-01".to_owned(), b"{}", 404),
        ("GET", "/subscriptions/x?api-version=2021-04-01".to_owned(), b"", 400),
    ];
    for (method, path, body, status) in cases {
        let refused = azure.raw(method, path, body);
        let (got, code) = refusal(&refused);
        assert_eq!(got, *status, "{method} {path} {code}");
        assert!(!code.is_empty() && refused.value()["error"]["message"].is_string(), "{method} {path}");
    }
    let after: Vec<(String, Value)> = azure.world.resources().map(|(k, v)| (k.to_owned(), v.clone())).collect();
    assert_eq!(before, after);
}

#[test]
fn preconditions_are_nothing_to_rely_on() {
    let mut azure = instant();
    azure.put_service("shop");
    azure.pass(0);
    let etag = azure.get(&service("shop"), ACS).header("etag").expect("an etag").to_owned();
    let path = format!("{}?api-version={ACS}", service("shop"));
    for (name, value) in [("if-match", "\"other\""), ("if-none-match", "*")] {
        let mut headers = vec![("authorization".to_owned(), format!("Bearer {}", azure.token))];
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        headers.push((name.to_owned(), value.to_owned()));
        let request = Request { method: "PUT".into(), path: path.clone(), headers, body: BODY.into() };
        let answer = handle(&mut azure.world, &request, azure.now);
        assert_eq!(answer.status, 201, "{name}");
        assert_ne!(answer.header("etag"), Some(etag.as_str()));
        azure.pass(0);
    }
}

#[test]
fn all_principals_share_a_larger_budget_and_impatience_is_no_help() {
    let mut azure = Client::new(Config::default());
    let shared = |r: &Response| r.header("x-ms-ratelimit-remaining-subscription-global-reads").map(str::to_owned);
    let of_tenant = |r: &Response| r.header("x-ms-ratelimit-remaining-tenant-reads").map(str::to_owned);
    assert_eq!(shared(&azure.get(RG, "2021-04-01")).as_deref(), Some("3749"));
    assert_eq!(of_tenant(&azure.get("/subscriptions", "2021-04-01")).as_deref(), Some("249"));
    for _ in 0..249 {
        azure.get(RG, "2021-04-01");
    }
    for _ in 0..3 {
        azure.now += 30;
        assert_eq!(azure.get(RG, "2021-04-01").status, 429, "each early call starts the wait anew");
    }
    azure.now += 1000;
    assert_eq!(azure.get(RG, "2021-04-01").status, 200);
}
