//! What people do meanwhile: to the API server, and to Azure behind the operator's back.

use acs_core::kinds::relay::PlacementType;
use acs_core::kinds::{Kind, Object, ObjectRef};
use serde_json::{Value, json};

use crate::faults::Event;
use crate::oracle::Planted;
use crate::scenario::{SECRETS, Stack, apply_secret};
use crate::sim::{Due, Sim};

const KINDS: [Kind; 5] = [
    Kind::NotificationHubNamespace,
    Kind::NotificationHub,
    Kind::CommunicationService,
    Kind::EventRelay,
    Kind::EventSubscription,
];

/// One thing that someone does, of the kinds that this schedule's mix has.
pub fn act(sim: &mut Sim, stacks: &[Stack]) {
    let Some(stack) = sim.random.pick(stacks).cloned() else { return };
    let kinds = [Event::UserEdit, Event::PortalEdit, Event::Deletion, Event::NamespaceDeletion, Event::SecretGone];
    let kinds: Vec<Event> = kinds.into_iter().filter(|event| sim.mix.rate(*event) > 0).collect();
    let Some(event) = sim.random.pick(&kinds).copied() else { return };
    let done = match event {
        Event::UserEdit => edit(sim, &stack),
        Event::PortalEdit => portal(sim, &stack),
        Event::Deletion => delete(sim, &stack),
        // Rarely: nothing in it goes on afterwards.
        Event::NamespaceDeletion => sim.random.permille(60) && end_namespace(sim, &stack.namespace),
        Event::SecretGone => secret_gone(sim, &stack),
        _ => false,
    };
    if done {
        sim.counts.happened(event);
        sim.trace.note(sim.now, format_args!("user: {}", event.name()));
    }
}

fn edit(sim: &mut Sim, stack: &Stack) -> bool {
    let choice = sim.random.below(8);
    let kind = sim.random.pick(&KINDS).copied().unwrap_or(Kind::NotificationHub);
    let value = if sim.random.permille(500) { "a" } else { "b" };
    let target = match choice {
        0..=2 => stack.of(kind),
        3 => stack.of(Kind::NotificationHub),
        4 | 5 => stack.of(Kind::CommunicationService),
        _ => stack.of(Kind::EventSubscription),
    };
    let name = stack.name.clone();
    // A stream of its own: what it is asked shifts no other choice.
    let mut own = sim.random.clone();
    sim.cluster.edit(&target, |object| match object {
        Object::NotificationHubNamespace(namespace) => {
            namespace.spec.tags.insert("team".to_owned(), value.into());
        }
        Object::NotificationHub(hub) if choice == 3 => {
            let policies = match value {
                "a" => json!([]),
                _ => json!([{"name": "reader", "rights": ["Listen"], "secretName": format!("{name}-reader")}]),
            };
            hub.spec.access_policies = serde_json::from_value(policies).unwrap_or_default();
        }
        Object::NotificationHub(hub) => {
            hub.spec.tags.insert("team".to_owned(), value.into());
        }
        Object::CommunicationService(service) if choice == 4 => {
            if let Some(link) = service.spec.notification_hub.as_mut() {
                link.key_rotation = Some(link.key_rotation.unwrap_or_default() + 1);
            }
        }
        Object::CommunicationService(service) => {
            service.spec.tags.insert("team".to_owned(), value.into());
        }
        Object::EventSubscription(subscription) if choice == 7 => {
            let mut spec = serde_json::to_value(&subscription.spec).unwrap_or_default();
            crate::scenario::delivery(&mut own, &mut spec);
            if let Ok(spec) = serde_json::from_value(spec) {
                subscription.spec = spec;
            }
        }
        Object::EventSubscription(subscription) => {
            let types: &[&str] = match value {
                "a" => &["Microsoft.Communication.SMSReceived"],
                _ => &["Microsoft.Communication.SMSReceived", "Microsoft.Communication.ChatMessageReceived"],
            };
            subscription.spec.event_types = types.iter().map(|name| (*name).into()).collect();
        }
        Object::EventRelay(relay) => {
            // As a sidecar it waits for pods, of which there are none: in the end it is what it was (see `tidy`).
            let sidecar = value == "b" && choice != 2;
            relay.spec.placement.type_ = if sidecar { PlacementType::Sidecar } else { PlacementType::Deployment };
            if choice == 2 {
                relay.spec.key_rotation = Some(relay.spec.key_rotation.unwrap_or_default() + 1);
            }
        }
        Object::AzureAccount(_) => {}
    })
}

/// Ids of resources below what an object of the stack owns, itself among them.
fn resources(sim: &Sim, stack: &Stack) -> Vec<String> {
    let ids: Vec<String> = KINDS
        .iter()
        .filter_map(|kind| sim.cluster.get(&stack.of(*kind)))
        .filter_map(|object| object.status().and_then(|status| status.azure_resource_id.clone()))
        .map(|id| id.to_ascii_lowercase())
        .collect();
    let ours = |id: &str| ids.iter().any(|own| id.starts_with(own.as_str()));
    let removable =
        |id: &str| !id.contains("/authorizationrules/default") && !id.ends_with("rootmanagesharedaccesskey");
    sim.azure.world.resources().map(|(id, _)| id).filter(|id| ours(id) && removable(id)).map(str::to_owned).collect()
}

fn portal(sim: &mut Sim, stack: &Stack) -> bool {
    let ids = resources(sim, stack);
    let Some(id) = sim.random.pick(&ids).cloned() else { return false };
    let (choice, now) = (sim.random.below(7), sim.now);
    let tagged = !id.contains("/authorizationrules/") && !id.contains("/eventsubscriptions/");
    let done = match choice {
        0 => sim.azure.world.delete_in_portal(&id),
        1 => {
            let primary = sim.random.permille(500);
            sim.azure.world.regenerate_key(&id, primary)
        }
        2 if id.contains("/communicationservices/") => {
            let hub = "/subscriptions/6a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d/resourceGroups/rg-shop/providers/Microsoft.NotificationHubs/namespaces/other-ns/notificationHubs/other";
            sim.azure.world.link_in_portal(&id, hub, None, crate::azure::EPOCH + now)
        }
        2 if id.contains("/eventsubscriptions/") => {
            let filters = json!([{"operatorType": "IsNotNull", "key": "data.theirs"}]);
            sim.azure.world.set_member(&id, "/properties/filter/advancedFilters", filters)
        }
        3 if id.contains("/eventsubscriptions/") => {
            sim.azure.world.set_member(&id, "/properties/retryPolicy/maxDeliveryAttempts", json!(29))
        }
        3 if id.contains("/communicationservices/") => sim.azure.world.unlink_in_portal(&id),
        4 if tagged => sim.azure.world.set_member(&id, "/tags/team", json!("z")),
        5 if id.rsplit('/').nth(1) == Some("communicationservices") => {
            plant(sim, &id, "/properties/linkedDomains", &json!(["/domains/one"]))
        }
        _ if tagged => {
            let value = json!(format!("v{now}"));
            plant(sim, &id, "/tags/costCentre", &value)
        }
        _ => false,
    };
    if done {
        sim.oracle.meddled = now;
        sim.trace.note(now, format_args!("portal: {choice} {id}"));
    }
    done
}

fn plant(sim: &mut Sim, id: &str, pointer: &str, value: &Value) -> bool {
    let (id, pointer, value) = (id.to_owned(), pointer.to_owned(), value.clone());
    if !sim.azure.world.set_member(&id, &pointer, value.clone()) {
        return false;
    }
    sim.oracle.planted.retain(|planted| planted.id != id || planted.pointer != pointer);
    sim.oracle.planted.push(Planted { id, pointer, value, at: sim.now });
    true
}

fn delete(sim: &mut Sim, stack: &Stack) -> bool {
    let names = stack.names();
    let Some(target) = sim.random.pick(&names).cloned() else { return false };
    let whole = sim.random.permille(250);
    let (moment, doomed) = (sim.moment(), if whole { names } else { vec![target] });
    for target in &doomed {
        sim.cluster.delete(target, moment);
        sim.trace.note(sim.now, format_args!("user deletes {target}"));
        let again = stack.manifests.iter().find(|object| object.object_ref() == *target);
        if let Some(manifest) = again.filter(|_| whole || sim.random.permille(700)) {
            let when = sim.now + sim.random.within(100, 200_000);
            sim.at(when, Due::Create(Box::new(manifest.clone())));
        }
    }
    true
}

/// `kubectl delete namespace`.
pub fn end_namespace(sim: &mut Sim, namespace: &str) -> bool {
    if sim.cluster.is_terminating(namespace) {
        return false;
    }
    sim.cluster.end_namespace(namespace);
    let when = sim.now + sim.random.within(10, 500);
    sim.at(when, Due::Sweep(namespace.to_owned()));
    true
}

fn secret_gone(sim: &mut Sim, stack: &Stack) -> bool {
    let Some(name) = sim.random.pick(&SECRETS).copied() else { return false };
    let namespace = stack.namespace.clone();
    let wrong = sim.random.permille(500);
    if wrong {
        let keys = [("clientSecret", "wrong"), ("AuthKey.p8", "wrong"), ("url", "ftp://wrong")];
        sim.cluster.apply_secret(&namespace, name, &keys);
    } else {
        sim.cluster.delete_secret(&namespace, name, None);
    }
    let when = sim.now + sim.random.within(1_000, 120_000);
    sim.at(when, Due::Secret(namespace, name.to_owned()));
    true
}

/// An output Secret is deleted or spoilt by hand.
pub fn spoil_output(sim: &mut Sim, stack: &Stack) {
    let name = format!("{}-acs", stack.name);
    if sim.random.permille(500) {
        sim.cluster.delete_secret(&stack.namespace, &name, None);
    } else if sim.cluster.secret(&stack.namespace, &name).is_some() {
        sim.cluster.apply_secret(&stack.namespace, &name, &[("connectionString", "spoilt")]);
    }
}

/// The documented way out where a namespace went while no operator ran to put the assertion away: what is in Azure is left.
pub fn give_up(sim: &mut Sim, stack: &Stack) {
    use acs_core::kinds::common::DeletionPolicy::Retain;
    let account = sim.cluster.get(&stack.of(Kind::AzureAccount)).cloned();
    let federated = matches!(account.as_deref(), Some(Object::AzureAccount(account)) if account.spec.identity.workload_identity.is_some());
    if !federated || !sim.cluster.is_terminating(&stack.namespace) {
        return;
    }
    for kind in KINDS {
        let target = stack.of(kind);
        let reason = sim.cluster.get(&target).and_then(|object| object.ready().map(|(_, reason, _)| reason.to_owned()));
        if reason.as_deref() != Some("CredentialUnavailable") {
            continue;
        }
        let given_up = sim.cluster.edit(&target, |object| match object {
            Object::NotificationHubNamespace(object) => object.spec.lifecycle.deletion_policy = Some(Retain),
            Object::NotificationHub(object) => object.spec.lifecycle.deletion_policy = Some(Retain),
            Object::CommunicationService(object) => object.spec.lifecycle.deletion_policy = Some(Retain),
            Object::EventRelay(object) => object.spec.deletion_policy = Some(Retain),
            Object::EventSubscription(object) => object.spec.lifecycle.deletion_policy = Some(Retain),
            Object::AzureAccount(_) => {}
        });
        if given_up {
            sim.counts.happened(Event::CredentialLost);
            sim.trace.note(sim.now, format_args!("user gives up {target}"));
            sim.settle();
        }
    }
}

/// Applies a manifest again, if the object is gone.
pub fn apply(sim: &mut Sim, manifest: &Object) -> bool {
    let created = sim.cluster.create(manifest.clone());
    if created {
        sim.trace.note(sim.now, format_args!("user creates {}", manifest.object_ref()));
    }
    created
}

/// After all trouble: Secrets are as they should be, and whoever deletes something also deletes what needs it.
pub fn tidy(sim: &mut Sim, stacks: &[Stack]) {
    let config = sim.azure.world.config().clone();
    for stack in stacks {
        for name in SECRETS {
            apply_secret(&mut sim.cluster, &stack.namespace, name, &config);
        }
    }
    for stack in stacks {
        sim.cluster.edit(&stack.of(Kind::EventRelay), |object| {
            if let Object::EventRelay(relay) = object {
                relay.spec.placement.type_ = PlacementType::Deployment;
            }
        });
    }
    let moment = sim.moment();
    loop {
        let going: Vec<ObjectRef> =
            sim.cluster.objects().filter(|object| object.is_deleting()).map(|object| object.object_ref()).collect();
        let users: Vec<ObjectRef> = sim
            .cluster
            .objects()
            .filter(|object| !object.is_deleting() && going.iter().any(|target| acs_core::wake::names(object, target)))
            .map(|object| object.object_ref())
            .collect();
        if users.is_empty() {
            return;
        }
        for user in users {
            sim.cluster.delete(&user, moment);
        }
    }
}
