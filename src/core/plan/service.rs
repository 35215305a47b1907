//! `CommunicationService`: the resource; then its Secret, its link and its topic beside each other.

use crate::azure::call::Access;
use crate::azure::descriptor::{Mark, Ownership, ownership};
use crate::azure::id::ArmId;
use crate::azure::{COMMUNICATION_API, EVENT_GRID_API, communication, event_grid};
use crate::kinds::CommunicationService;
use crate::kinds::identity::ManagedIdentity;
use crate::kinds::service::SystemTopicType;
use crate::pass::{Finding, Halt, Pass, Stepped};
use crate::reason::{ConditionType, Reason};
use crate::walk;

use super::place::{Place, azure_name, place};

pub fn plan(pass: &mut Pass<'_>, service: &CommunicationService) -> Stepped<()> {
    let spec = &service.spec;
    let place = place(pass, spec.account_ref.as_ref(), spec.resource_group.as_ref())?;
    let id = communication::service_id(&place.group, azure_name(pass));
    let wanted = communication::service(&place.access, id.clone(), &pass.owner, &spec.data_location, &spec.tags);
    pass.is_at(&wanted)?;
    // A service that is made again is linked to nothing and has other keys.
    if pass.get(&place.access, &id, COMMUNICATION_API)?.is_none() {
        pass.outputs.remove("link");
        pass.close_answered("Link");
        pass.memory.checked.clear();
        pass.memory.settled.clear();
    }
    let observed = pass.step(ConditionType::Provisioned, |pass| walk::ensure(pass, &wanted))?;
    pass.output("hostName", observed.text("/properties/hostName"));
    pass.output("immutableResourceId", observed.text("/properties/immutableResourceId"));
    let published = publish(pass, service, &place.access, &id, observed.text("/properties/hostName"));
    let linked = super::link::link(pass, service, &place.access, &id, observed);
    let topic = topic(pass, service, &place, &id);
    pass.join([published, linked, topic])
}

fn publish(
    pass: &mut Pass<'_>,
    service: &CommunicationService,
    access: &Access,
    id: &ArmId,
    host: &str,
) -> Stepped<()> {
    let type_ = ConditionType::ConnectionPublished;
    let Some(secret) = &service.spec.connection_secret_name else {
        pass.not_requested(type_);
        return Ok(());
    };
    pass.step(type_, |pass| {
        let holder = pass.holder(secret)?;
        if !holder.is_empty() && !pass.keys_due("Keys", &holder) {
            return Ok(());
        }
        let answer = pass.list_keys(access, id, COMMUNICATION_API)?;
        let key = answer.text("/primaryKey");
        if key.is_empty() || host.is_empty() {
            let message = "Azure answered without key or host name; asking again.".to_owned();
            return Err(Halt::Wait(Reason::RetryingAzureError, message, Some(pass.world.settings.timings.retry_min)));
        }
        let endpoint = format!("https://{host}/");
        pass.publish(
            secret,
            [
                (acs_wire::secret_keys::CONNECTION_STRING, format!("endpoint={endpoint};accesskey={key}")),
                (acs_wire::secret_keys::ENDPOINT, endpoint),
                (acs_wire::secret_keys::ACCESS_KEY, key.to_owned()),
            ],
        )?;
        pass.keys_checked("Keys", holder);
        Ok(())
    })
}

fn topic(pass: &mut Pass<'_>, service: &CommunicationService, place: &Place, id: &ArmId) -> Stepped<()> {
    let type_ = ConditionType::TopicReady;
    let settings = service.spec.system_topic.as_ref();
    if settings.is_some_and(|topic| topic.type_ == SystemTopicType::None) {
        pass.outputs.remove("systemTopicId");
        pass.not_requested(type_);
        return pass.drop_step("Topic");
    }
    pass.step(type_, |pass| {
        let name =
            settings.and_then(|topic| topic.azure_name.as_ref()).map_or_else(|| id.name(), |name| name.0.as_str());
        let identity = settings.and_then(|topic| topic.identity.as_ref());
        let own = event_grid::topic(&place.access, event_grid::topic_id(&place.group, name), &pass.owner, id, identity);
        let fingerprint = own.fingerprint();
        let known = pass.outputs.contains_key("systemTopicId");
        if known && pass.is_settled(&own.step, &fingerprint) {
            return Ok(());
        }
        if let Some(found) = someone_elses(pass, &place.access, &own.id, id)? {
            pass.output("systemTopicId", found.as_str());
            let lacks = match identity {
                Some(identity) => lacks_identity(pass, place, &found, identity)?,
                None => None,
            };
            match lacks {
                // Looked at in every pass until it has it.
                Some(message) => {
                    pass.findings.push(Finding { type_, status: "True", reason: Reason::IdentityMissing, message });
                }
                None => pass.has_settled(&own.step, fingerprint),
            }
            return Ok(());
        }
        walk::ensure_child(pass, &own)?;
        pass.output("systemTopicId", own.id.as_str());
        Ok(())
    })
}

/// A topic that is not ours gets no identity from us, so it has to have it. What needs no identity is delivered all the same.
fn lacks_identity(pass: &Pass<'_>, place: &Place, topic: &ArmId, wanted: &ManagedIdentity) -> Stepped<Option<String>> {
    let found = pass.get(&place.access, topic, EVENT_GRID_API)?;
    if found.is_some_and(|found| event_grid::has_identity(found, wanted)) {
        return Ok(None);
    }
    Ok(Some(format!(
        "System topic {topic} was not made by this object and lacks the identity that `systemTopic.identity` asks for; it is left alone: give it the identity in Azure. Event subscriptions that deliver by an identity wait for that."
    )))
}

/// A topic that the service has already: Azure allows one per source, so that one is used, and never deleted.
fn someone_elses(pass: &Pass<'_>, access: &Access, own: &ArmId, service: &ArmId) -> Stepped<Option<ArmId>> {
    let is_of = |body: &crate::azure::call::Body| ArmId::given(body.text("/properties/source")) == *service;
    let known = pass.outputs.get("systemTopicId").and_then(serde_json::Value::as_str).map(ArmId::given);
    if let Some(known) = known.filter(|known| known != own)
        && pass.get(access, &known, EVENT_GRID_API)?.is_some_and(is_of)
    {
        return Ok(Some(known));
    }
    if pass.open("Topic").is_some() {
        return Ok(None);
    }
    if let Some(found) = pass.get(access, own, EVENT_GRID_API)? {
        let ours = ownership(Mark::Tags, &pass.owner, found) == Ownership::Ours;
        return Ok((!ours && is_of(found)).then(|| own.clone()));
    }
    let topics = pass.list(access, event_grid::topics_path(&access.subscription), EVENT_GRID_API)?;
    let found = topics.iter().find(|topic| is_of(topic)).map(|topic| ArmId::given(topic.text("/id")));
    Ok(found.filter(|found| found != own))
}

#[cfg(test)]
mod tests;
