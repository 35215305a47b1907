//! What other people do behind the operator's back: edits that no token, budget or fault stands in the way of.

use serde_json::Value;

use super::authorization::Roles;
use super::communication;
use super::event_grid::resource_events;
use super::notification_hubs;
use super::past;
use super::registry::Kind;
use super::resource::{Half, Hidden};
use super::timer::{self, Timer};
use super::token::Version;
use super::world::World;
use super::{faults::Fault, json};

/// Segments of a pointer at most. Each makes an object where there is none, and what lies far too deep can be neither copied
/// nor written down.
const SEGMENTS: usize = 32;
/// Levels of lists and objects in a value at most. Beneath as many segments, and in a list of resources, it is still less
/// than the 128 levels at which most JSON parsers give up.
const LEVELS: usize = 64;

/// The way to the member that a pointer names, where `value` can be put there.
///
/// # Errors
/// Why it cannot.
pub(crate) fn member<'a>(pointer: &'a str, value: &Value) -> Result<Vec<&'a str>, String> {
    let Some(rest) = pointer.strip_prefix('/') else {
        return Err("'pointer' begins with a slash, as in /tags/owner".into());
    };
    if rest.split('/').nth(SEGMENTS).is_some() {
        return Err(format!("'pointer' has more than {SEGMENTS} segments: name a member that is less deep"));
    }
    if !json::nests_within(value, LEVELS) {
        return Err(format!("the value nests more than {LEVELS} levels: send one that is flatter"));
    }
    Ok(rest.split('/').collect())
}

fn set_at(target: &mut Value, path: &[&str], value: Value) {
    match value {
        Value::Null => json::remove(target, path),
        value => json::put(target, path, value),
    }
}

impl World {
    /// Links a hub "in the portal". Without a connection string, by the hub's `DefaultFullSharedAccessSignature`.
    pub fn link_in_portal(
        &mut self,
        service_id: &str,
        hub_id: &str,
        connection_string: Option<&str>,
        now_ms: u64,
    ) -> bool {
        timer::settle(self, now_ms);
        let key = service_id.to_ascii_lowercase();
        if self.resources.get(&key).is_none_or(|r| r.kind != Kind::Service) {
            return false;
        }
        let own = || {
            let rule = format!("{hub_id}/authorizationRules/DefaultFullSharedAccessSignature");
            let namespace = hub_id.split('/').nth(8).unwrap_or_default();
            let (primary, _) = self.keys(&rule).unwrap_or(("", ""));
            notification_hubs::connection_string(namespace, "DefaultFullSharedAccessSignature", primary)
        };
        let connection_string = connection_string.map_or_else(own, str::to_owned);
        let now = self.now();
        communication::link(self, &key, hub_id, &connection_string, now);
        resource_events::in_portal(self, "POST", &format!("{service_id}/linkNotificationHub"));
        true
    }

    /// Takes the link away, as the portal's Disconnect does. False when it is no communication service.
    pub fn unlink_in_portal(&mut self, service_id: &str) -> bool {
        let key = service_id.to_ascii_lowercase();
        // Looked at first: to write is to change, also what is no service.
        if self.resources.get(&key).is_none_or(|r| r.kind != Kind::Service) {
            return false;
        }
        let Some(resource) = self.resources.get_mut(&key) else { return false };
        json::remove(&mut resource.body, &["properties", "notificationHubId"]);
        if let Hidden::Service { links, .. } = &mut resource.hidden {
            links.clear();
        }
        self.touch_etag(&key);
        // No API of Azure takes a link away: it is told as a write, which is what the portal must send (unverified).
        resource_events::in_portal(self, "PATCH", service_id);
        true
    }

    /// Replaces a resource's tags; null removes them.
    pub fn set_tags(&mut self, id: &str, tags: Value) -> bool {
        self.set_member(id, "/tags", tags)
    }

    /// Replaces one member of a resource by JSON pointer; null removes it. For drift of any kind. False when there is no such
    /// resource, or no such place in one: a pointer begins with a slash and has up to 32 segments, a value nests up to 64
    /// levels.
    pub fn set_member(&mut self, id: &str, pointer: &str, value: Value) -> bool {
        let key = id.to_ascii_lowercase();
        let Ok(path) = member(pointer, &value) else { return false };
        let Some(resource) = self.resources.get_mut(&key) else { return false };
        set_at(&mut resource.body, &path, value.clone());
        // What Event Grid delivers by lies beside the body: keep both true.
        if let (Some(delivery), Some((&"properties", rest))) = (resource.delivery_mut(), path.split_first()) {
            set_at(&mut delivery.properties, rest, value);
        }
        self.touch_etag(&key);
        resource_events::in_portal(self, "PATCH", id);
        true
    }

    /// Deletes a resource and all beneath it at once.
    pub fn delete_in_portal(&mut self, id: &str) -> bool {
        let key = id.to_ascii_lowercase();
        let there = self.resources.contains_key(&key);
        self.remove(&key);
        if there {
            resource_events::in_portal(self, "DELETE", id);
        }
        there
    }

    /// Regenerates one key of a communication service or of a rule.
    pub fn regenerate_key(&mut self, id: &str, primary: bool) -> bool {
        let key = id.to_ascii_lowercase();
        let half = if primary { Half::Primary } else { Half::Secondary };
        let action = match self.resources.get(&key).map(|r| r.kind) {
            Some(Kind::Service) => {
                let new = self.random.service_key();
                if let Some(keys) = self.resources.get_mut(&key).and_then(|r| r.keys_mut()) {
                    *keys.half(half) = new;
                }
                "regenerateKey"
            }
            Some(Kind::HubRule | Kind::NamespaceRule) => {
                notification_hubs::regenerate(self, &key, half);
                "regenerateKeys"
            }
            _ => return false,
        };
        resource_events::in_portal(self, "POST", &format!("{id}/{action}"));
        true
    }

    /// Places a fault; its number is shown in the journal when it strikes.
    pub fn place_fault(&mut self, fault: Fault) -> u64 {
        let id = self.faults.place(fault);
        past::remember(self);
        id
    }

    /// Removes all faults.
    pub fn clear_faults(&mut self) {
        self.faults.placed.clear();
        past::remember(self);
    }

    /// Removes one fault.
    pub fn remove_fault(&mut self, id: u64) {
        self.faults.placed.retain(|placed| placed.id != id);
        past::remember(self);
    }

    /// How often a fault struck.
    pub fn fault_hits(&self, id: u64) -> u64 {
        self.faults.placed.iter().find(|p| p.id == id).map_or(0, |p| p.hits)
    }

    /// Lets a stranger hold a name of a communication service or of a namespace.
    pub fn take_name(&mut self, name: &str) {
        self.taken_names.insert(name.to_ascii_lowercase());
    }

    /// Registers or unregisters a provider in a subscription.
    pub fn set_registered(&mut self, subscription: &str, namespace: &str, registered: bool) {
        let entry = (subscription.to_ascii_lowercase(), namespace.to_ascii_lowercase());
        if registered {
            self.unregistered.remove(&entry);
        } else {
            self.unregistered.insert(entry);
        }
    }

    /// Declares every access token so far expired.
    pub fn expire_tokens(&mut self) {
        self.applications.mint.expire();
    }

    /// Adds an application with a secret, or changes the secret of one.
    pub fn set_secret(&mut self, client_id: &str, secret: &str) {
        self.applications.add(client_id, Some(secret.into()));
    }

    /// Lets an application's secret be over; false when there is no such application.
    pub fn expire_secret(&mut self, client_id: &str) -> bool {
        self.applications.expire_secret(client_id)
    }

    /// Lets an application sign in with what the key of this certificate (PEM, of an RSA key) signed.
    ///
    /// # Errors
    /// When it is no such certificate.
    pub fn register_certificate(&mut self, client_id: &str, certificate: &str) -> Result<(), String> {
        self.applications.certify(client_id, certificate)
    }

    /// Registers a resource that tokens may be for: an application id URI, whose tokens are of version 1.0 or 2.0.
    pub fn register_resource(&mut self, uri: &str, two: bool) {
        self.applications.add_resource(uri, if two { Version::Two } else { Version::One });
    }

    /// Gives the machine a user-assigned identity; its own it has from the start.
    pub fn assign_identity(&mut self, client_id: &str, resource_id: &str) {
        self.applications.add_identity(client_id, resource_id);
    }

    /// What an app must send to its identity endpoint, and the path of that.
    pub fn identity_endpoint(&self) -> (String, &'static str) {
        (self.applications.identity_header.clone(), super::entra::APP_SERVICE_PATH)
    }

    /// Lets an application sign in with assertions of `issuer` about `subject`, signed by a key of `jwks`.
    ///
    /// # Errors
    /// When `jwks` is no key set.
    pub fn trust(&mut self, client_id: &str, issuer: &str, subject: &str, jwks: &Value) -> Result<(), String> {
        self.applications.trust(client_id, issuer, subject, jwks)
    }

    /// Says what an application may do: a list of `{scope, role}` or `{scope, actions, notActions}`. An empty list allows
    /// nothing; null lets it do everything, as in the beginning. With the profile `azure` it takes its time to spread.
    ///
    /// # Errors
    /// When the list is none, or names a role that is not known.
    pub fn assign_roles(&mut self, client_id: &str, assignments: &Value) -> Result<(), String> {
        let delay = self.durations().role_assignment;
        if delay == 0 {
            return self.roles.assign(client_id, assignments);
        }
        // Checked now, and taken when it has spread.
        Roles::default().assign(client_id, assignments)?;
        let (client, assignments) = (client_id.to_owned(), assignments.clone());
        timer::at(self, self.now().saturating_add(delay), Timer::Assigned { client, assignments });
        Ok(())
    }

    /// A change of role assignments has spread.
    pub(crate) fn roles_spread(&mut self, client: &str, assignments: &Value) {
        // It was checked when it was made.
        let _ = self.roles.assign(client, assignments);
    }

    /// Adds a resource group.
    pub fn add_group(&mut self, subscription: &str, name: &str) {
        super::resources::create(self, subscription, name, "westeurope");
    }
}
