//! Doors to Event Grid: publishing, and looking at what became of it.

use serde_json::{Value, json};

use super::super::event_grid::delivery::{self, Draft, Published, shapes};
use super::super::json;
use super::super::world::World;
use super::{Opened, bad, field, service_id};

/// `events`: any event of any source.
pub(super) fn publish(world: &mut World, body: &Value) -> Opened {
    let source = match (json::text(body, &["service"]), json::text(body, &["source"])) {
        (Some(service), None) => service_id(world, service)?,
        (None, Some(source)) if source.starts_with('/') => source.trim_end_matches('/').to_owned(),
        (None, Some(_)) => {
            return Err(bad("'source' must be a resource id; a service may go by its name as 'service'"));
        }
        _ => return Err(bad("give either 'service' (name or id) or 'source' (resource id)")),
    };
    if source.to_ascii_lowercase().contains("/providers/microsoft.communication/") {
        service_id(world, &source)?;
    }
    let text = |name: &str| json::text(body, &[name]).map(str::to_owned);
    let draft = Draft {
        id: text("id"),
        kind: field(body, "type")?.to_owned(),
        subject: text("subject").unwrap_or_default(),
        data: body.get("data").cloned().unwrap_or_else(|| json!({})),
        time: text("time"),
    };
    let count = match json::at(body, &["count"]) {
        None => 1,
        Some(count) => {
            count.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(|| bad("'count' is no number"))?
        }
    };
    Ok(shown(&delivery::publish(world, &source, &draft, count).map_err(bad)?))
}

/// `sms`: a text message comes in.
pub(super) fn sms(world: &mut World, body: &Value) -> Opened {
    let source = service_id(world, field(body, "service")?)?;
    let draft = shapes::sms(world, field(body, "from")?, field(body, "to")?, field(body, "message")?);
    Ok(shown(&delivery::publish(world, &source, &draft, 1).map_err(bad)?))
}

/// `chat`: a message is written to a thread, as one recipient's event.
pub(super) fn chat(world: &mut World, body: &Value) -> Opened {
    let source = service_id(world, field(body, "service")?)?;
    let id = field(body, "sender")?;
    let sender = shapes::Sender { id, name: json::text(body, &["senderDisplayName"]).unwrap_or(id) };
    let (thread, recipient, message) = (field(body, "thread")?, field(body, "recipient")?, field(body, "message")?);
    let draft = shapes::chat(world, thread, &sender, recipient, message);
    Ok(shown(&delivery::publish(world, &source, &draft, 1).map_err(bad)?))
}

/// The event of a call, beside its push. `None` when there is no such service.
pub(super) fn incoming_call(world: &mut World, body: &Value) -> Option<Value> {
    let source = service_id(world, json::text(body, &["service"])?).ok()?;
    let from = json::text(body, &["from"]).unwrap_or("4:+15555550100");
    let name = json::text(body, &["fromDisplayName"]).unwrap_or("Caller");
    let draft = shapes::call(world, from, name, json::text(body, &["to"])?);
    delivery::publish(world, &source, &draft, 1).ok().map(|published| shown(&published))
}

fn shown(published: &Published) -> Value {
    json!({"ids": published.ids, "matched": published.matched})
}
