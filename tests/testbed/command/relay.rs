//! What a relay does, told step by step: the same story wherever the relay runs.

pub(crate) mod apps;
pub(crate) mod neighbourhood;

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testbed::{AzureSim, wait_for, wait_for_some};

use super::calls::Line;
use super::objects::text;
use super::show::Show;
use apps::{Apps, PLACES};

/// For whatever has to happen; nothing takes as long unless it is broken. Event Grid waits longer each time, which even a hundred
/// times faster can be half a minute.
const SOON: Duration = Duration::from_secs(150);
/// As long as Apple's are.
pub(crate) const IPHONE: &str = "a11a5e1f0a11a5e1f0a11a5e1f0a11a5e1f0a11a5e1f0a11a5e1f0a11a5e1f0a";
const ANDROID: &str = "token-of-annas-android";

/// One delivery that Event Grid tried.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    /// Id of the event.
    pub(crate) event_id: String,
    /// Id of the event subscription.
    pub(crate) subscription: String,
    /// Status of the answer; none if there was no answer.
    #[serde(default)]
    pub(crate) status: Option<u16>,
}

impl Attempt {
    /// Whether it went to the relay of the example. Other subscriptions of the service may want the event too.
    pub(crate) fn is_of_the_relay(&self) -> bool {
        self.is_of("shop-relay")
    }

    /// Whether it went to the event subscription of an object of that name.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.subscription.to_lowercase().contains(&format!("/eventsubscriptions/{name}-"))
    }
}

/// What Event Grid tried so far, oldest first.
pub(crate) async fn attempts(azure: &AzureSim) -> Result<Vec<Attempt>> {
    let mut answer = azure.get("/_sim/deliveries").await?;
    let attempts = answer.get_mut("attempts").map(Value::take).context("the simulator shows no deliveries")?;
    Ok(serde_json::from_value(attempts)?)
}

/// Sends one SMS to the service, and returns the id of its event.
pub(crate) async fn send_sms(azure: &AzureSim, service: &str, message: &str) -> Result<String> {
    let sms = json!({"service": service, "from": "+14255550100", "to": "+14255550199", "message": message});
    let answer = azure.post("/_sim/sms", &sms).await?;
    let id = answer.pointer("/ids/0").and_then(Value::as_str).context("the simulator names no event")?;
    Ok(id.to_owned())
}

/// An SMS reaches three targets.
pub(crate) async fn sms(show: &mut Show, azure: &AzureSim, service: &str, apps: &Apps) -> Result<()> {
    show.chapter("One SMS reaches three targets: a database, a work item, a mail");
    let id = send_sms(azure, service, "Is my order ready?").await?;
    show.did("an SMS arrives: \"Is my order ready?\"");
    let arrived = wait_for("the SMS to reach all targets", SOON, || async { apps.missing(&id).await.is_empty() });
    let arrived = show.waiting("Event Grid delivers, the relay hands on", arrived).await.is_ok();
    let missing = apps.missing(&id).await;
    show.check(&format!("it came to {}", PLACES.join(", ")), arrived, || format!("not to {missing:?}"));
    let mut times = Vec::new();
    for place in PLACES {
        times.push(apps.seen(place).await.get(&id).copied().unwrap_or_default());
    }
    show.check("to each of them once", times == [1, 1, 1], || format!("{times:?} times"));
    // The answer to Event Grid comes after the app's.
    let answered = wait_for("Event Grid to have its answer", SOON, || async {
        tried(azure, &id).await.is_ok_and(|all| !all.is_empty())
    });
    answered.await?;
    let tried = tried(azure, &id).await?;
    let held = tried.len() == 1 && tried.iter().all(|attempt| attempt.status == Some(200));
    show.check("the relay said so to Event Grid: 200, at the first attempt", held, || format!("{tried:?}"));
    Ok(())
}

/// Attempts of one event towards the relay.
async fn tried(azure: &AzureSim, id: &str) -> Result<Vec<Attempt>> {
    let ours = |attempt: &Attempt| attempt.event_id == id && attempt.is_of_the_relay();
    Ok(attempts(azure).await?.into_iter().filter(ours).collect())
}

/// What the user's app does at the hub: installations with a tag that leads to them, which is returned.
pub(crate) async fn register_installations(azure: &AzureSim, line: &Line) -> Result<String> {
    let tag = format!("user:{}", line.user);
    for (platform, handle) in [("apple", IPHONE), ("fcmv1", ANDROID)] {
        let phone = json!({"hub": line.hub, "user": line.user, "platform": platform, "handle": handle, "tags": [tag]});
        azure.post("/_sim/phones", &phone).await?;
    }
    Ok(tag)
}

/// A chat message becomes a push.
pub(crate) async fn chat(show: &mut Show, azure: &AzureSim, line: &Line) -> Result<()> {
    show.chapter("A chat message becomes a push, by a rule in YAML");
    let tag = register_installations(azure, line).await?;
    show.detail(&format!("Anna's app has registered its installations at the hub with the tag {tag}."));
    let words = "Your parcel is at the door";
    let message = json!({"service": line.service, "thread": "19:orders", "sender": "8:acs:bob", "senderDisplayName": "Bob",
        "recipient": line.user, "message": words});
    azure.post("/_sim/chat", &message).await?;
    show.did(&format!("Bob writes to Anna: \"{words}\""));
    let pushed = wait_for("both phones to show it", SOON, || async {
        pushes(azure, words).await.is_ok_and(|all| all.len() == 2)
    });
    let pushed = show.waiting("event, rule, hub, phones", pushed).await.is_ok();
    let seen = pushes(azure, words).await?;
    let both = pushed && seen == ["apple", "fcmv1"];
    show.check("her iPhone and her Android show it, from Bob", both, || format!("pushes: {seen:?}"));
    Ok(())
}

/// Platforms of the phones that show a push with these words.
async fn pushes(azure: &AzureSim, words: &str) -> Result<Vec<String>> {
    let answer = azure.get("/_sim/phones").await?;
    let phones = answer.get("phones").and_then(Value::as_array).context("the simulator shows no phones")?;
    let mut platforms: Vec<String> = Vec::new();
    for phone in phones {
        let received = phone.get("received").and_then(Value::as_array).into_iter().flatten();
        let shown = received.filter(|push| push.to_string().contains(words)).count();
        platforms.extend(std::iter::repeat_n(text(phone, "/platform").to_owned(), shown));
    }
    platforms.sort_unstable();
    Ok(platforms)
}

/// The app pushes by the relay's local API.
pub(crate) async fn direct(show: &mut Show, azure: &AzureSim, apps: &Apps) -> Result<()> {
    show.chapter("The app pushes by localhost, and holds no key of Azure");
    let words = "Order 4711 is on its way";
    let push = json!({"platform": "apple", "deviceHandle": IPHONE, "payload": {"aps": {"alert": words}}});
    show.did(
        "curl localhost:8471/v1/push/direct --json '{\"platform\": \"apple\", \"deviceHandle\": …}'   from the app",
    );
    let (status, answer) = apps.push(&push).await?;
    show.check("the relay took it", (200..300).contains(&status), || format!("{status} {answer}"));
    let shown = wait_for("the iPhone to show it", SOON, || async {
        pushes(azure, words).await.is_ok_and(|all| !all.is_empty())
    });
    let shown = show.waiting("relay, hub, phone", shown).await.is_ok();
    let seen = pushes(azure, words).await?;
    show.check("Anna's iPhone shows it, and no other phone", shown && seen == ["apple"], || {
        format!("pushes: {seen:?}")
    });
    let (status, answer) = apps
        .push(&json!({"platform": "apple", "deviceHandle": IPHONE, "payload": {"aps": {}, "x": "x".repeat(5000)}}))
        .await?;
    let refused = (400..500).contains(&status);
    show.check("a payload that Apple would drop is refused at once", refused, || format!("{status} {answer}"));
    Ok(())
}

/// While the app is down: an event comes, and Event Grid keeps it. Returns its id.
pub(crate) async fn meanwhile(show: &mut Show, azure: &AzureSim, service: &str) -> Result<String> {
    let id = send_sms(azure, service, "Hello? Anybody there?").await?;
    show.did("an SMS arrives: \"Hello? Anybody there?\"");
    let refused = wait_for_some("Event Grid to have tried", SOON, || async {
        tried(azure, &id).await.ok()?.into_iter().find(|attempt| attempt.status != Some(200))
    });
    let refused = show.waiting("Event Grid tries", refused).await;
    let was = refused.as_ref().map(|attempt| attempt.status);
    let words = match was {
        Ok(Some(status)) => format!("Event Grid got {status}, and keeps the event"),
        _ => "Event Grid got no answer, and keeps the event".to_owned(),
    };
    show.check(&words, was.is_ok(), || "it was acknowledged, or never tried".to_owned());
    Ok(id)
}

/// The app is back: the event arrives.
pub(crate) async fn afterwards(show: &mut Show, azure: &AzureSim, apps: &Apps, id: &str) -> Result<()> {
    let arrived = wait_for("the event to arrive", SOON, || async { apps.missing(id).await.is_empty() });
    let arrived = show.waiting("Event Grid tries again", arrived).await.is_ok();
    let missing = apps.missing(id).await;
    let count = tried(azure, id).await?.len();
    show.check(&format!("the app is back, and the event arrives, at attempt {count}"), arrived, || {
        format!("not in {missing:?}")
    });
    Ok(())
}
