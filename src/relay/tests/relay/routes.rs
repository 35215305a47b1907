//! Several routes, failures among them, order, duplicates.

use std::sync::Arc;
use std::time::Duration;

use acs_relay::serve::Limits;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::ground::{Answer, Ground, KEY, PATH, PATIENCE, Target, batch, config, event, route, until};

#[tokio::test]
async fn a_retry_after_a_partial_failure_reaches_only_the_route_that_lacks_the_event() {
    let (database, tickets, mail) = (Target::start().await, Target::start().await, Target::start().await);
    let routes = [route("database", &database.url()), route("tickets", &tickets.url()), route("mail", &mail.url())];
    let ground = Ground::with(&config(&routes)).await;
    tickets.answers(503);
    assert_eq!(ground.deliver(event("1", "a")).await.status, 503);
    tickets.stop();
    assert_eq!(ground.deliver(event("1", "a")).await.status, 503);
    assert_eq!((database.count(), mail.count()), (1, 1));
    let report = ground.report().await;
    assert!(report.accepting && report.problems.iter().any(|p| p.starts_with("route tickets: ")), "{report:?}");

    let (address, before) = (tickets.address, tickets.count());
    drop(tickets);
    let mut listener = None;
    until("the port is free again", || {
        listener = std::net::TcpListener::bind(address).ok();
        listener.is_some()
    })
    .await;
    let listener = listener.unwrap();
    listener.set_nonblocking(true).unwrap();
    let tickets = Target::listen(tokio::net::TcpListener::from_std(listener).unwrap());
    assert_eq!(ground.deliver(event("1", "a")).await.status, 200);
    assert_eq!((database.count(), before, tickets.count(), mail.count()), (1, 1, 1, 1));
    // And now it is a duplicate for all, whatever the case of its source.
    assert_eq!(ground.deliver(event("1", "a").replace("/Shop", "/SHOP")).await.status, 200);
    assert_eq!((database.count(), tickets.count(), mail.count()), (1, 1, 1));
    assert!(ground.report().await.problems.is_empty());
    assert!(ground.metric("acs_relay_requests_total{outcome=\"duplicate\"}").await >= 1.0);
}

/// A route's own time ends a delivery, however long the whole request may take.
#[tokio::test]
async fn a_target_is_waited_for_no_longer_than_its_route_says() {
    let target = Target::start().await;
    let mut impatient = route("all", &target.url());
    impatient["timeoutSeconds"] = json!(1);
    let limits = Limits { answer: Duration::from_secs(3600), ..Limits::default() };
    let ground = Ground::with_limits(&config(&[impatient]), limits).await;
    target.hold(true);
    let reply = tokio::time::timeout(PATIENCE, ground.deliver(event("1", "a"))).await.expect("it waits for ever");
    assert_eq!(reply.status, 503);
    let counted = "acs_relay_deliveries_total{route=\"all\",result=\"timed_out\"}";
    assert!(ground.metric(counted).await >= 1.0);
}

/// An id is one only together with its source.
#[tokio::test]
async fn an_id_of_one_source_says_nothing_of_the_same_id_of_another() {
    let target = Target::start().await;
    let ground = Ground::with(&config(&[route("all", &target.url())])).await;
    assert_eq!(ground.deliver(event("1", "a")).await.status, 200);
    assert_eq!(ground.deliver(event("1", "a").replace("/Shop", "/Crm")).await.status, 200);
    let both = batch(&[event("2", "a"), event("2", "a").replace("/Shop", "/Crm")]);
    assert_eq!(ground.deliver(both).await.status, 200);
    assert_eq!(target.count(), 4);
}

#[tokio::test]
async fn only_2xx_means_taken_and_redirects_are_not_followed() {
    let (target, elsewhere) = (Target::start().await, Target::start().await);
    let ground = Ground::with(&config(&[route("all", &target.url())])).await;
    for status in [301, 307, 400, 404, 410, 413, 429, 500, 503] {
        target.answers(Answer { status, headers: vec![("location", elsewhere.url())] });
        assert_eq!(ground.deliver(event("1", "a")).await.status, 503, "{status}");
    }
    assert_eq!(elsewhere.count(), 0);
    for (id, status) in [("1", 204), ("2", 201), ("3", 202)] {
        target.answers(status);
        assert_eq!(ground.deliver(event(id, "a")).await.status, 200, "{status}");
    }
}

#[tokio::test]
async fn a_slow_route_holds_up_no_other() {
    let (slow, fast) = (Target::start().await, Target::start().await);
    let ground = Ground::with(&config(&[route("slow", &slow.url()), route("fast", &fast.url())])).await;
    let ground = Arc::new(ground);
    slow.hold(true);
    let requests: Vec<_> = (0..300)
        .map(|n| {
            let ground = Arc::clone(&ground);
            tokio::spawn(async move { ground.deliver(event(&n.to_string(), &n.to_string())).await.status })
        })
        .collect();
    until("the fast route has them all", || fast.count() == 300).await;
    assert!(slow.under_way() <= 64, "requests to one target are bounded");
    slow.hold(false);
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!((slow.count(), fast.count()), (300, 300));
}

#[tokio::test]
async fn the_same_event_twice_at_once_is_delivered_once() {
    let target = Target::start().await;
    let ground = Arc::new(Ground::with(&config(&[route("all", &target.url())])).await);
    target.hold(true);
    let deliver = || {
        let ground = Arc::clone(&ground);
        tokio::spawn(async move { ground.deliver(event("1", "a")).await.status })
    };
    let (one, two) = (deliver(), deliver());
    until("both are in", || ground.relay().state.in_flight.now() == 2 && target.under_way() == 1).await;
    target.hold(false);
    assert_eq!((one.await.unwrap(), two.await.unwrap()), (200, 200));
    assert_eq!(target.count(), 1);
}

#[tokio::test]
async fn events_of_a_subject_keep_their_order_and_others_do_not_wait_for_them() {
    let target = Target::start().await;
    let ground = Arc::new(Ground::with(&config(&[route("all", &target.url())])).await);
    target.hold(true);
    let mut requests = Vec::new();
    for n in 0..20 {
        let sender = Arc::clone(&ground);
        requests.push(tokio::spawn(async move { sender.deliver(event(&format!("a{n}"), "a")).await.status }));
        until("it is in", || ground.relay().state.in_flight.now() == n + 1).await;
    }
    until("the first is with the app", || target.under_way() == 1).await;
    let other = {
        let ground = Arc::clone(&ground);
        tokio::spawn(async move { ground.deliver(event("b0", "b")).await.status })
    };
    until("the other subject is with the app too", || target.under_way() == 2).await;
    target.hold(false);
    for request in requests.into_iter().chain([other]) {
        assert_eq!(request.await.unwrap(), 200);
    }
    let order: Vec<_> =
        target.received().iter().map(|r| r.header("ce-id").to_owned()).filter(|id| id.starts_with('a')).collect();
    assert_eq!(order, (0..20).map(|n| format!("a{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_is_all_or_none_in_order_and_its_retry_sends_what_is_missing() {
    let target = Target::start().await;
    let ground = Ground::with(&config(&[route("all", &target.url())])).await;
    let events: Vec<_> = (0..6).map(|n| event(&n.to_string(), "same")).collect();
    target.answers_once(200);
    target.answers_once(200);
    target.answers_once(500);
    assert_eq!(ground.deliver(batch(&events)).await.status, 503);
    assert_eq!(target.count(), 3, "what is behind a failure waits for it");
    assert_eq!(ground.deliver(batch(&events)).await.status, 200);
    let order: Vec<_> = target.received().iter().map(|r| r.header("ce-id").to_owned()).collect();
    assert_eq!(order, ["0", "1", "2", "2", "3", "4", "5"]);
    let large: Vec<_> = (0..1000).map(|n| event(&format!("l{n}"), &format!("s{}", n % 100))).collect();
    assert_eq!(ground.deliver(batch(&large)).await.status, 200);
    assert_eq!(target.count(), 1007);
}

#[tokio::test]
async fn routes_choose_by_type_and_subject_and_a_gateway_may_keep_the_prefix() {
    let (sms, calls) = (Target::start().await, Target::start().await);
    let mut first = route("sms", &sms.url());
    first["filter"] =
        json!({"eventTypes": ["Microsoft.Communication.SMSReceived"], "subject": {"beginsWith": "/phone"}});
    let mut second = route("calls", &calls.url());
    second["filter"]["eventTypes"] = json!(["Microsoft.Communication.IncomingCall"]);
    let mut config = config(&[first, second]);
    config["pathPrefix"] = json!("/team/relay");
    let ground = Ground::with(&config).await;
    for (id, subject, event_type) in
        [("1", "/phonenumber/1", "SMSReceived"), ("2", "other", "SMSReceived"), ("3", "x", "IncomingCall")]
    {
        let event = event(id, subject).replace("SMSReceived", event_type);
        assert_eq!(ground.deliver(event).await.status, 200);
    }
    assert_eq!((sms.count(), calls.count()), (1, 1));
    let headers = [("acs-relay-key", crate::ground::KEY), ("aeg-delivery-count", "3")];
    let path = "/team/relay/v1/events/Shop-Events";
    let reply = crate::ground::send(ground.events, "POST", path, &headers, event("4", "/phone")).await;
    assert_eq!((reply.status, sms.count()), (200, 2));
    assert_eq!(sms.received()[1].header("acs-relay-delivery-count"), "3");
    assert_eq!(sms.received()[1].path, "/events");
}

/// What it began it ends, and remembers: else the retry would bring to the app what the app has.
#[tokio::test]
async fn a_delivery_goes_on_when_its_sender_is_gone() {
    let target = Target::start().await;
    let ground = Ground::with(&config(&[route("all", &target.url())])).await;
    target.hold(true);
    let both = batch(&[event("1", "a"), event("2", "a")]);
    let mut sender = TcpStream::connect(ground.events).await.unwrap();
    let head =
        format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nacs-relay-key: {KEY}\r\ncontent-length: {}\r\n\r\n", both.len());
    sender.write_all(head.as_bytes()).await.unwrap();
    sender.write_all(both.as_bytes()).await.unwrap();
    until("the app has the first", || target.under_way() == 1).await;
    sender.set_zero_linger().unwrap();
    drop(sender);
    target.hold(false);
    until("the app has the second", || target.count() == 2).await;
    assert_eq!(ground.deliver(both).await.status, 200);
    assert_eq!(target.count(), 2);
}
