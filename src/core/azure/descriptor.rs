//! What an Azure resource should be, what of it is compared, and how it is changed. One descriptor per resource; the walk
//! over them (`crate::walk`) is written once.

use serde_json::{Map, Value, json};

use super::call::{Access, Body};
use super::compare::{both_identities, same, wants_nothing};
use super::id::ArmId;
use crate::names::Owner;

pub use super::compare::Compare;

/// One field that we own. No Debug: what is wanted may be a secret.
#[derive(Clone)]
pub struct Field {
    /// JSON pointer into the resource.
    pub path: &'static str,
    /// Wanted value; may hold secrets when `compare` is `Unseen`.
    pub want: Value,
    /// How to compare.
    pub compare: Compare,
    /// False if Azure allows no change after creation.
    pub mutable: bool,
}

/// How a change is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// PATCH with the changed fields only.
    Patch,
    /// PATCH without the `properties` wrapper: Event Grid's event subscriptions.
    FlatPatch,
    /// PUT of the whole body: access policies, which hold nothing that is not ours.
    Put,
}

/// Where the owner is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// In the resource's tags.
    Tags,
    /// In the labels of an event subscription, which has no tags.
    Labels,
    /// Nowhere: a child is owned with its parent.
    Inherited,
}

/// A resource as it should be. No Debug: fields may hold secrets.
#[derive(Clone)]
pub struct Descriptor {
    /// Name of the step, unique within the object; intents and failures are kept by it.
    pub step: String,
    /// What it is, for messages.
    pub words: &'static str,
    /// On whose behalf.
    pub access: Access,
    /// Id.
    pub id: ArmId,
    /// Version of the API.
    pub api_version: &'static str,
    /// Members that creation needs beside `fields`.
    pub base: Value,
    /// Fields that we own.
    pub fields: Vec<Field>,
    /// How a change is sent.
    pub update: Update,
    /// Where the owner is written.
    pub mark: Mark,
    /// Who owns it.
    pub owner: Owner,
    /// How long Azure typically takes to create it, in milliseconds (recorded).
    pub typical: u64,
    /// For fields that Azure never shows: fingerprint of what is wanted, and of what Azure took last.
    pub unseen: Option<Unseen>,
}

/// Memory of what Azure never shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Fingerprint of what is wanted.
    pub wanted: String,
    /// Fingerprint of what Azure took last.
    pub applied: Option<String>,
    /// Path of the field of which Azure shows something else than it would show of what is wanted: then what it does not show
    /// cannot be right either.
    pub shown_otherwise: Option<&'static str>,
}

/// Whose a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Ours.
    Ours,
    /// Nobody's: it has no owner tag.
    Nobodys,
    /// It carries the tag of another object, maybe of another cluster.
    Anothers,
}

impl Descriptor {
    /// Whose the observed resource is.
    pub fn ownership(&self, observed: &Body) -> Ownership {
        ownership(self.mark, &self.owner, observed)
    }

    /// Fingerprint of all that is wanted.
    pub fn fingerprint(&self) -> String {
        let visible: Vec<&Value> =
            self.fields.iter().filter(|f| f.compare != Compare::Unseen).map(|f| &f.want).collect();
        let text = serde_json::to_string(&(self.id.as_str(), &self.base, visible)).unwrap_or_default();
        let unseen = self.unseen.as_ref().map(|unseen| unseen.wanted.as_str()).unwrap_or_default();
        crate::names::fingerprint(&self.owner, &[&text, unseen])
    }

    /// Paths of fields that differ.
    pub fn differences(&self, observed: &Body) -> Vec<&Field> {
        let mut differing: Vec<&Field> = self.fields.iter().filter(|field| !same(field, observed)).collect();
        if self.unseen.as_ref().is_some_and(|unseen| unseen.applied.as_ref() != Some(&unseen.wanted)) {
            differing.extend(self.fields.iter().filter(|field| field.compare == Compare::Unseen));
        }
        differing
    }

    /// True if the owner tag or label has to be written.
    pub fn lacks_mark(&self, observed: &Body) -> bool {
        match self.mark {
            Mark::Tags => {
                self.ownership(observed) != Ownership::Ours
                    || observed.text(&format!("/tags/{}", acs_wire::TAG_UID)) != self.owner.uid
            }
            Mark::Labels => self.ownership(observed) != Ownership::Ours,
            Mark::Inherited => false,
        }
    }

    /// Body that creates the resource.
    pub fn creation(&self) -> Body {
        let mut body = self.base.clone();
        for field in self.fields.iter().filter(|field| !leaves_out(field, None)) {
            set(&mut body, field.path, field.want.clone());
        }
        self.write_mark(&mut body, None);
        Body(body)
    }

    /// Body of a PUT, which provisions a failed resource once more or takes something away, and keeps everything that is not
    /// ours: a PUT drops what it leaves out.
    pub fn repair(&self, observed: &Body) -> Body {
        let mut body = observed.0.clone();
        for (parent, read_only) in
            [("", &["id", "name", "type", "etag", "systemData"][..]), ("/properties", &["provisioningState"])]
        {
            if let Some(members) = body.pointer_mut(parent).and_then(Value::as_object_mut) {
                read_only.iter().for_each(|name| drop(members.remove(*name)));
            }
        }
        body = merged(Some(&body), &self.base_without_properties());
        for field in self.fields.iter().filter(|field| !leaves_out(field, Some(observed))) {
            let value = match field.compare {
                Compare::Contains => merged(observed.at(field.path), &field.want),
                Compare::Identity => both_identities(observed.at(field.path), &field.want),
                _ => field.want.clone(),
            };
            set(&mut body, field.path, value);
        }
        let goes = |field: &&Field| field.compare == Compare::Absent;
        self.fields.iter().filter(goes).for_each(|field| remove(&mut body, field.path));
        self.write_mark(&mut body, Some(observed));
        Body(body)
    }

    /// True if those changes need a PUT: a PATCH takes nothing away (that a null does is in no source).
    pub fn replaces(&self, fields: &[&Field]) -> bool {
        self.update == Update::Put || fields.iter().any(|field| field.compare == Compare::Absent)
    }

    fn base_without_properties(&self) -> Value {
        let mut base = self.base.clone();
        if let Some(members) = base.as_object_mut() {
            members.remove("properties");
        }
        base
    }

    /// Body that changes those fields, and keeps everything that is not ours.
    pub fn change(&self, observed: &Body, fields: &[&Field]) -> Body {
        if self.update == Update::Put {
            return self.creation();
        }
        if self.replaces(fields) {
            return self.repair(observed);
        }
        let mut body = json!({});
        // A filter is one value to Event Grid: a part of it sent alone might drop the rest.
        let in_filter = |field: &Field| field.path.starts_with("/properties/filter/");
        let whole_filter = fields.iter().any(|field| in_filter(field));
        let sent = self.fields.iter().filter(|field| {
            fields.iter().any(|changed| changed.path == field.path) || (whole_filter && in_filter(field))
        });
        // Parts of it that are not ours, such as members of a version to come, are sent along as they are.
        if whole_filter && let Some(filter) = observed.at("/properties/filter") {
            set(&mut body, "/properties/filter", filter.clone());
        }
        for field in sent.filter(|field| !leaves_out(field, Some(observed))) {
            let value = match field.compare {
                Compare::Contains => merged(observed.at(field.path), &field.want),
                Compare::Identity => both_identities(observed.at(field.path), &field.want),
                _ => field.want.clone(),
            };
            set(&mut body, field.path, value);
        }
        let touches_marked = match self.mark {
            Mark::Tags => body.get("tags").is_some(),
            Mark::Labels => body.pointer("/properties/labels").is_some(),
            Mark::Inherited => false,
        };
        if touches_marked || self.lacks_mark(observed) {
            self.write_mark(&mut body, Some(observed));
        }
        match (self.update, body.get_mut("properties").map(Value::take)) {
            (Update::FlatPatch, Some(properties)) => Body(properties),
            (_, Some(properties)) => {
                set(&mut body, "/properties", properties);
                Body(body)
            }
            (_, None) => Body(body),
        }
    }

    fn write_mark(&self, body: &mut Value, observed: Option<&Body>) {
        let (path, mark) = match self.mark {
            Mark::Tags => ("/tags", json!({acs_wire::TAG_OWNER: self.owner.path, acs_wire::TAG_UID: self.owner.uid})),
            Mark::Labels => ("/properties/labels", json!([owner_label(&self.owner)])),
            Mark::Inherited => return,
        };
        // PATCH replaces the whole map, so what others set there has to be sent along.
        let there = observed.and_then(|observed| observed.at(path));
        let wanted = match body.pointer(path) {
            Some(wanted) => merged(Some(wanted), &mark),
            None => mark,
        };
        let all = merged(there, &wanted);
        set(body, path, all);
    }
}

/// Whose a resource is, by the mark on it.
pub fn ownership(mark: Mark, owner: &Owner, observed: &Body) -> Ownership {
    match mark {
        Mark::Inherited => Ownership::Ours,
        Mark::Tags => match observed.text(&format!("/tags/{}", acs_wire::TAG_OWNER)) {
            "" => Ownership::Nobodys,
            path if path == owner.path => Ownership::Ours,
            _ => Ownership::Anothers,
        },
        Mark::Labels => {
            let labels = observed.at("/properties/labels").and_then(Value::as_array);
            let mut owners = labels.into_iter().flatten().filter_map(Value::as_str);
            let prefix = format!("{}=", acs_wire::TAG_OWNER);
            match owners.find(|label| label.starts_with(&prefix)) {
                None => Ownership::Nobodys,
                Some(label) if *label == owner_label(owner) => Ownership::Ours,
                Some(_) => Ownership::Anothers,
            }
        }
    }
}

/// True for what is not to be there, and for a list of filters that is to be empty and is: nothing is said of it.
fn leaves_out(field: &Field, observed: Option<&Body>) -> bool {
    if field.compare == Compare::Absent {
        return true;
    }
    let there = observed.and_then(|observed| observed.at(field.path));
    field.compare == Compare::Filters && wants_nothing(&field.want) && there.is_none_or(wants_nothing)
}

fn owner_label(owner: &Owner) -> String {
    format!("{}={}", acs_wire::TAG_OWNER, owner.path)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Entries of both; those of `ours` win. Lists: what starts with the same `key=` is replaced.
fn merged(there: Option<&Value>, ours: &Value) -> Value {
    match (there, ours) {
        (Some(Value::Object(there)), Value::Object(ours)) => {
            let mut all: Map<String, Value> = there.clone();
            all.extend(ours.iter().map(|(key, value)| (key.clone(), value.clone())));
            Value::Object(all)
        }
        (Some(Value::Array(there)), Value::Array(ours)) => {
            let key = |item: &Value| text(item).split('=').next().unwrap_or_default().to_owned();
            let kept = there.iter().filter(|item| !ours.iter().any(|own| key(own) == key(item)));
            Value::Array(kept.chain(ours).cloned().collect())
        }
        _ => ours.clone(),
    }
}

/// Sets a value at a pointer, making objects on the way.
pub fn set(body: &mut Value, pointer: &str, value: Value) {
    let mut place = body;
    for key in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        let Some(map) = place.as_object_mut() else { return };
        place = map.entry(key).or_insert(Value::Null);
    }
    *place = value;
}

/// Takes a member away.
fn remove(body: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    if let Some(members) = body.pointer_mut(parent).and_then(Value::as_object_mut) {
        members.remove(name);
    }
}
