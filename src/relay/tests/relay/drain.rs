//! The end of a relay, in the middle of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::ground::{Ground, PATIENCE, Target, config, event, route, until};

#[tokio::test]
async fn what_is_under_way_is_finished_and_nothing_acknowledged_is_lost() {
    let target = Target::start().await;
    let mut ground = Ground::with(&config(&[route("all", &target.url())])).await;
    let relay = ground.relay.take().unwrap();
    let state = Arc::clone(&relay.state);
    let ground = Arc::new(ground);
    let acknowledged = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let (ground, acknowledged, stop, next) =
                (Arc::clone(&ground), Arc::clone(&acknowledged), Arc::clone(&stop), Arc::clone(&next));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let id = next.fetch_add(1, Ordering::SeqCst).to_string();
                    // Once the door is closed there is no answer at all.
                    let sent = tokio::spawn({
                        let (ground, id) = (Arc::clone(&ground), id.clone());
                        async move { ground.deliver(event(&id, &id)).await.status }
                    });
                    match sent.await {
                        Ok(200) => acknowledged.lock().unwrap().push(id),
                        Ok(503) => {}
                        Ok(other) => panic!("{other}"),
                        Err(_) => break,
                    }
                }
            })
        })
        .collect();
    until("there is load", || target.count() > 200).await;
    target.hold(true);
    until("some are under way", || target.under_way() > 0).await;
    let draining = tokio::spawn(relay.drain(PATIENCE));
    until("it refuses", || state.lifecycle.refuses()).await;
    assert!(!state.is_accepting() && !draining.is_finished());
    target.hold(false);
    assert_eq!(draining.await.unwrap(), 0, "requests left");
    stop.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.await.unwrap();
    }
    let delivered: std::collections::BTreeSet<_> =
        target.received().iter().map(|received| received.header("ce-id").to_owned()).collect();
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() > 100);
    let lost: Vec<_> = acknowledged.iter().filter(|id| !delivered.contains(*id)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test]
async fn a_drain_ends_after_its_grace_and_counts_what_it_left() {
    let target = Target::start().await;
    let mut ground = Ground::with(&config(&[route("all", &target.url())])).await;
    let relay = ground.relay.take().unwrap();
    target.hold(true);
    let events = ground.events;
    let request = tokio::spawn(async move {
        let headers = [("acs-relay-key", crate::ground::KEY)];
        crate::ground::send(events, "POST", crate::ground::PATH, &headers, event("1", "a")).await.status
    });
    until("it is with the app", || target.under_way() == 1).await;
    assert_eq!(relay.drain(Duration::from_millis(50)).await, 1);
    request.abort();
}
