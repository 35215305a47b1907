//! Each property can fail, and the seeds mean what they should.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say by panicking what is wrong"
)]

use azure_sim::model::{self, Request, Response, World};

use super::examine::examine_with;
use super::ground::GROUND;
use super::input::steps;
use super::property::{Property, leads_back};
use super::{examine, seeds};

#[test]
fn every_property_holds_for_every_seed() {
    for (name, bytes) in seeds::all() {
        if let Err(violation) = examine(&bytes, |_, _| ()) {
            panic!("{name}: {violation}");
        }
    }
}

#[test]
fn every_operation_has_a_seed_that_reaches_it() {
    for operation in model::operations() {
        let name = operation.name.to_ascii_lowercase();
        let all = seeds::all();
        let (_, bytes) = all.iter().find(|(seed, _)| seed.ends_with(&format!("-{name}"))).expect("a seed");
        let mut answers = Vec::new();
        examine(bytes, |_, response| answers.push(response.clone())).expect("no violation");
        let response = answers.remove(0);
        let code = response.value()["error"]["code"].as_str().unwrap_or_default().to_owned();
        assert!(response.status != 401, "{name}: {}", response.value());
        assert!(
            !["InvalidResourceType", "NoRegisteredProviderFound", "UnsupportedMediaType"].contains(&code.as_str()),
            "{name}: {code}"
        );
    }
}

const REFUSED: &[u8] = b"DELETE {A}?api-version=2099-01-01\nauthorization: {token}\n\n";
const CHANGED: &[u8] = b"PATCH {A}?api-version=2025-09-01\nauthorization: {token}\ncontent-type: application/json\n\n{\"tags\":{\"a\":\"b\"}}";
const READ: &[u8] = b"GET {A}?api-version=2025-09-01\nauthorization: {token}\n\n";

fn broken(input: &[u8], handle: impl Fn(&mut World, &Request, u64) -> Response) -> Property {
    examine_with(input, |_, _| (), handle).expect_err("a violation").property
}

/// What a request changes that deletes the service.
fn deleting(world: &mut World, request: &Request, now: u64) -> Response {
    let path = request.path.replace("2099-01-01", "2025-09-01");
    model::handle(world, &Request { method: "DELETE".into(), path, ..request.clone() }, now)
}

#[test]
fn each_property_is_seen_to_fail() {
    let seen = broken(REFUSED, |world, request, now| Response {
        body: b"{\"error\":\"no\"}".to_vec(),
        ..model::handle(world, request, now)
    });
    assert_eq!(seen, Property::ErrorBody);
    let seen = broken(REFUSED, |world, request, now| {
        let refused = model::handle(world, request, now);
        deleting(world, request, now);
        refused
    });
    assert_eq!(seen, Property::RefusedChangesNothing);
    let seen = broken(READ, |world, request, now| {
        deleting(world, request, now);
        model::handle(world, request, now)
    });
    assert_eq!(seen, Property::ReadChangesNothing);
    let seen =
        broken(READ, |world, request, now| Response { body: b"{".to_vec(), ..model::handle(world, request, now) });
    assert_eq!(seen, Property::Json);
    let seen = broken(READ, |world, request, now| {
        let mut response = model::handle(world, request, now);
        response.headers.push(("location".into(), "a\nb".into()));
        response
    });
    assert_eq!(seen, Property::Headers);
    let seen = broken(READ, |world, request, now| {
        let body = serde_json::to_vec(&"x".repeat(4 * 1024 * 1024)).unwrap();
        Response { body, ..model::handle(world, request, now) }
    });
    assert_eq!(seen, Property::Bounded);
    let seen = broken(CHANGED, |world, request, now| {
        let response = model::handle(world, request, now);
        // The tag is taken for written, and is not; the name is.
        assert!(world.changes().is_ok());
        world.take_name("kept");
        response
    });
    assert_eq!(seen, Property::ReadsBack);
}

fn answers(name: &str) -> Vec<Response> {
    let (_, bytes) = seeds::all().into_iter().find(|(seed, _)| seed == name).expect("a seed");
    let mut answers = Vec::new();
    examine(&bytes, |_, response| answers.push(response.clone())).expect("no violation");
    answers
}

#[test]
fn who_is_called_answers_as_the_input_says() {
    let said = answers("life-endpoint");
    let state = &said[2].value()["properties"]["provisioningState"];
    assert_eq!((said[0].status, state.as_str()), (201, Some("AwaitingManualAction")), "another code was given back");
    // Those of the ground get the event, and one of them is tried again.
    let tries = said[3].value()["attempts"].as_array().expect("attempts").clone();
    let ends: Vec<String> =
        tries.iter().take(3).map(|t| [&t["status"], &t["failure"]].map(ToString::to_string).concat()).collect();
    assert_eq!(ends, ["503null", "null\"no answer in time\"", "418null"]);
}

#[test]
fn identities_are_asked_where_they_are_served() {
    let said: Vec<u16> = answers("life-identity").iter().map(|response| response.status).collect();
    assert_eq!(said, [200, 200, 401, 404]);
}

#[test]
fn an_id_that_does_not_lead_back_is_seen() {
    let leads = |path: &str, id: &str| leads_back(path, |_| Some(id.to_owned()));
    assert_eq!(leads("/a/B%20c?d=e", "/A/b c"), Ok(()));
    assert!(leads("/a/more/b", "/a/b").is_err_and(|why| why.contains("/a/more/b")), "a segment was passed over");
    let as_written = |path: &str| (path == "/a-b").then(|| path.to_owned());
    assert!(leads_back("/a-b", as_written).is_err_and(|why| why.ends_with("leads to None")), "the way back is shut");
}

#[test]
fn an_input_reads_as_http_does() {
    let input = b"PUT {A}?a=b\nAuthorization: {token}\nx: 1\n\n{\"a\":\n{4M}1}\n~~~~ 30\nGET /\n";
    let read = steps(input, &GROUND.words);
    let [first, second] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!(first.request.method, "PUT");
    assert!(first.request.path.ends_with("/communicationServices/shop?a=b"), "{}", first.request.path);
    assert!(first.request.headers[0].1.starts_with("Bearer "));
    assert_eq!(first.request.body.len(), 4 * 1024 * 1024, "no more than a server takes");
    assert_eq!((second.wait_s, second.request.path.as_str(), second.request.body.len()), (30, "/", 0));
    assert!(steps(&b"~~~~\n".repeat(1000), &GROUND.words).len() <= 8);
    assert!(steps(&b"\n\n{4M}".repeat(1000), &GROUND.words)[0].request.body.len() <= 4 * 1024 * 1024);
}
