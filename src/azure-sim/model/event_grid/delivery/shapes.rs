//! Events as Communication Services shapes them, for the doors that send a text message, a chat message or a call.

use serde_json::{Value, json};

use super::super::super::random::Random;
use super::super::super::world::{World, timestamp};
use super::event::Draft;

fn draft(kind: &str, subject: String, data: Value) -> Draft {
    Draft { id: None, kind: format!("Microsoft.Communication.{kind}"), subject, data, time: None }
}

/// A text message that came in.
pub(crate) fn sms(world: &mut World, from: &str, to: &str, message: &str) -> Draft {
    let id = format!("Incoming_{}", random(world).guid());
    let data = json!({
        "messageId": id, "from": from, "to": to, "message": message,
        "receivedTimestamp": timestamp(world.now()), "segmentCount": message.chars().count().div_ceil(160).max(1),
    });
    Draft { id: Some(id), ..draft("SMSReceived", format!("/phonenumber/{from}"), data) }
}

/// A chat message, as the event for one recipient.
pub(crate) fn chat(world: &mut World, thread: &str, sender: &Sender<'_>, recipient: &str, message: &str) -> Draft {
    let version = world.now();
    let transaction = random(world).base64_url(22);
    let subject = format!("thread/{thread}/sender/{}/recipient/{recipient}", sender.id);
    let data = json!({
        "messageBody": message, "messageId": version.to_string(), "metadata": {}, "type": "Text", "version": version,
        "senderCommunicationIdentifier": identifier(sender.id), "senderDisplayName": sender.name,
        "composeTime": timestamp(world.now()), "recipientCommunicationIdentifier": identifier(recipient),
        "transactionId": transaction, "threadId": thread,
    });
    draft("ChatMessageReceived", subject, data)
}

/// Who wrote.
pub(crate) struct Sender<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
}

/// A call that comes in, before anybody answers it.
pub(crate) fn call(world: &mut World, from: &str, name: &str, to: &str) -> Draft {
    let random = random(world);
    let (call, correlation) = (random.base64_url(60), random.guid());
    // A token by its look; its claim `cc` is what Microsoft's sample hands to the app. Its signature is none.
    let context = format!(
        "{}.{}.{}",
        token_part("{\"alg\":\"none\"}"),
        token_part(&json!({"cc": random.base64_url(40)}).to_string()),
        random.base64_url(43)
    );
    let data = json!({
        "to": identifier(to), "from": identifier(from), "serverCallId": call, "callerDisplayName": name,
        "customContext": {"sipHeaders": {}, "voipHeaders": {}}, "incomingCallContext": context,
        "correlationId": correlation,
    });
    draft("IncomingCall", format!("/caller/{from}/recipient/{to}"), data)
}

fn token_part(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

fn random(world: &mut World) -> &mut Random {
    &mut world.deliveries.random
}

/// An identity by its raw id: the prefix says what it is.
fn identifier(raw: &str) -> Value {
    if let Some(number) = raw.strip_prefix("4:") {
        return json!({"kind": "phoneNumber", "rawId": raw, "phoneNumber": {"value": number}});
    }
    if let Some(user) = raw.strip_prefix("8:orgid:") {
        let user = json!({"userId": user, "isAnonymous": false, "cloud": "public"});
        return json!({"kind": "microsoftTeamsUser", "rawId": raw, "microsoftTeamsUser": user});
    }
    if raw.starts_with("8:") {
        return json!({"kind": "communicationUser", "rawId": raw, "communicationUser": {"id": raw}});
    }
    json!({"kind": "unknown", "rawId": raw})
}
