//! An installation: what it is in JSON, and the registrations that it stands for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::json;
use super::super::push::{Channel, Platform, texts};
use super::store::Registration;
use super::tags::{self, Tag};
use super::template::Template;
use super::time;

/// Templates, and secondary tiles, of one installation (the simulator's own bound).
const MOST: usize = 20;
/// Members that a client may write; all others are the service's, or unknown and dropped.
const WRITABLE: [&str; 7] =
    ["platform", "pushChannel", "userId", "tags", "templates", "pushVariables", "secondaryTiles"];

/// An installation that was accepted.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Installation {
    /// As it was sent, less what is not the client's to write.
    pub(super) source: Value,
    pub(super) expires: Option<u64>,
    /// The platform said that the channel is none any more.
    expired: bool,
}

/// Without its channel.
impl std::fmt::Debug for Installation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installation").field("expires", &self.expires).field("expired", &self.expired).finish()
    }
}

/// The parts of an installation, read and found valid.
pub(super) struct Parts {
    channel: Channel,
    user: Option<String>,
    tags: Vec<String>,
    variables: BTreeMap<String, String>,
    templates: Vec<(Template, Vec<String>)>,
    tiles: Vec<(String, Tile)>,
}

struct Tile {
    channel: Channel,
    tags: Vec<String>,
    templates: Vec<(Template, Vec<String>)>,
}

impl Installation {
    /// Reads and checks. `source` loses what is not the client's.
    pub(super) fn new(mut source: Value, expires: Option<u64>) -> Result<(Self, Parts), String> {
        let Value::Object(map) = &mut source else { return Err("The body is not a JSON object.".into()) };
        // The documentation spells it `userID` in one place.
        if let Some(user) = map.remove("userID") {
            map.entry("userId").or_insert(user);
        }
        map.retain(|name, value| WRITABLE.contains(&name.as_str()) && !value.is_null());
        let parts = Parts::read(&source)?;
        name_templates(&mut source);
        Ok((Self { source, expires, expired: false }, parts))
    }

    /// As GET shows it (recorded, but for the order of its members).
    pub(super) fn shown(&self, id: &str) -> Value {
        let mut shown = self.source.clone();
        json::put(&mut shown, &["installationId"], id);
        json::put(&mut shown, &["pushChannelExpired"], self.expired);
        json::put(&mut shown, &["expirationTime"], time::expiry(self.expires));
        shown
    }

    /// The platform says so: of the installation's own channel, or of one of its tiles.
    pub(super) fn channel_expired(&mut self, channel: &Channel) {
        let own = Parts::read(&self.source).ok().map(|parts| parts.channel);
        if own.as_ref() == Some(channel) {
            self.expired = true;
            return;
        }
        let Some(Value::Object(tiles)) = self.source.get_mut("secondaryTiles") else { return };
        for tile in tiles.values_mut().filter(|tile| json::text(tile, &["pushChannel"]) == Some(&channel.handle)) {
            json::put(tile, &["pushChannelExpired"], true);
        }
    }

    pub(super) fn expired(&self) -> bool {
        self.expired
    }
}

/// A template without tags reads back with its own name as tag (recorded).
fn name_templates(source: &mut Value) {
    let Some(Value::Object(templates)) = source.get_mut("templates") else { return };
    for (name, template) in templates {
        if json::at(template, &["tags"]).is_none() {
            json::put(template, &["tags"], json!([name]));
        }
    }
}

impl Parts {
    fn read(source: &Value) -> Result<Self, String> {
        let word = json::text(source, &["platform"]).unwrap_or_default();
        // Not the words of the format header.
        let platform =
            Platform::of_installation(word).ok_or("The platform of the installation is invalid.".to_owned())?;
        let handle = json::at(source, &["pushChannel"]).ok_or("The installation has no pushChannel.".to_owned())?;
        let channel = Channel::read(platform, handle).map_err(|why| format!("The pushChannel is invalid: {why}."))?;
        let user = match json::at(source, &["userId"]) {
            None => None,
            Some(Value::String(user)) if user.is_empty() => None,
            Some(Value::String(user)) if user.chars().all(tags::of_user) && user.len() <= tags::LONGEST => {
                Some(user.clone())
            }
            Some(_) => return Err("A userId has letters, digits and -_@#.:= only, at most 120.".into()),
        };
        let variables = texts(source, &["pushVariables"]).ok_or("The pushVariables must be texts.".to_owned())?;
        Ok(Self {
            tags: tag_list(source)?,
            templates: templates(platform, source)?,
            tiles: tiles(platform, source)?,
            channel,
            user,
            variables,
        })
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(super) fn user(&self) -> &str {
        self.user.as_deref().unwrap_or_default()
    }

    /// One native registration, one per template, and the same for every tile (recorded, but for the tiles).
    pub(super) fn registrations(
        &self,
        id: &str,
        expires: Option<u64>,
        mut new_id: impl FnMut() -> String,
    ) -> Vec<Registration> {
        let implicit: Vec<String> =
            std::iter::once(Tag::of_installation(id)).chain(self.user.as_deref().map(Tag::of_user)).collect();
        let mut all = Vec::new();
        let mut add = |channel: &Channel, tags: &[&[String]], tile: Option<&str>, template: Option<&Template>| {
            let mut together = implicit.clone();
            for tag in tags.iter().copied().flatten() {
                if !together.contains(tag) {
                    together.push(tag.clone());
                }
            }
            all.push(Registration {
                id: new_id(),
                version: 1,
                expires,
                channel: channel.clone(),
                tags: together,
                variables: self.variables.clone(),
                tile: tile.map(str::to_owned),
                template: template.cloned(),
                installation: Some(id.to_owned()),
            });
        };
        add(&self.channel, &[&self.tags], None, None);
        for (template, tags) in &self.templates {
            add(&self.channel, &[&self.tags, tags], None, Some(template));
        }
        for (name, tile) in &self.tiles {
            add(&tile.channel, &[&tile.tags], Some(name), None);
            for (template, tags) in &tile.templates {
                add(&tile.channel, &[&tile.tags, tags], Some(name), Some(template));
            }
        }
        all
    }
}

fn tag_list(holder: &Value) -> Result<Vec<String>, String> {
    match json::at(holder, &["tags"]) {
        None => Ok(Vec::new()),
        Some(list) => {
            let list: Vec<String> = serde_json::from_value(list.clone()).map_err(|_| "The tags must be texts.")?;
            tags::check(&list)?;
            Ok(list)
        }
    }
}

fn members<'a>(holder: &'a Value, name: &str) -> Result<Vec<(&'a String, &'a Value)>, String> {
    let map = match json::at(holder, &[name]) {
        None => return Ok(Vec::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(format!("'{name}' must be an object.")),
    };
    if map.len() > MOST {
        return Err(format!("'{name}' has at most {MOST} members here."));
    }
    Ok(map.iter().collect())
}

fn templates(platform: Platform, holder: &Value) -> Result<Vec<(Template, Vec<String>)>, String> {
    let mut all = Vec::new();
    for (name, value) in members(holder, "templates")? {
        let body = json::text(value, &["body"]).or_else(|| json::text(value, &["bodyTemplate"]));
        let template = Template {
            name: Some(name.clone()),
            body: body.ok_or_else(|| format!("The template '{name}' has no body."))?.to_owned(),
            headers: texts(value, &["headers"]).ok_or_else(|| format!("The headers of '{name}' must be texts."))?,
            expiry: json::text(value, &["expiry"]).map(str::to_owned),
            priority: None,
        };
        if template.expiry.is_some() && platform != Platform::Apple {
            return Err(format!("The template '{name}' has an expiry, which only those of APNs have."));
        }
        template.check(platform).map_err(|why| format!("The template '{name}' is refused: {why}"))?;
        // Its own name may have characters that other tags may not (recorded: a space).
        let own = json::at(value, &["tags"]).is_none_or(|tags| *tags == json!([name]));
        let tags = if own { vec![name.clone()] } else { tag_list(value)? };
        all.push((template, tags));
    }
    Ok(all)
}

fn tiles(platform: Platform, source: &Value) -> Result<Vec<(String, Tile)>, String> {
    let named = members(source, "secondaryTiles")?;
    if !named.is_empty() && platform != Platform::Windows {
        return Err("Only installations of WNS have secondaryTiles.".into());
    }
    let tile = |(name, value): (&String, &Value)| {
        let handle =
            json::at(value, &["pushChannel"]).ok_or_else(|| format!("The tile '{name}' has no pushChannel."))?;
        let channel = Channel::read(platform, handle).map_err(|why| format!("The tile '{name}' is invalid: {why}."))?;
        let tile = Tile { channel, tags: tag_list(value)?, templates: templates(platform, value)? };
        Ok((name.clone(), tile))
    };
    named.into_iter().map(tile).collect()
}
