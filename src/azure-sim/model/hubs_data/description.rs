//! Registrations in XML: `AppleRegistrationDescription`, `AppleTemplateRegistrationDescription`, and so on for every platform.

use std::collections::BTreeMap;

use super::super::push::{Channel, Keys, Platform};
use super::super::xml::{Element, Out};
use super::answer::Refused;
use super::atom::{CONNECT, INSTANCE};
use super::store::Registration;
use super::template::Template;
use super::{tags, time};

const NATIVE: &str = "RegistrationDescription";
const WITH_TEMPLATE: &str = "TemplateRegistrationDescription";

/// What a client says of a registration: all but its id, version and expiry.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) channel: Channel,
    pub(super) tags: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) tile: Option<String>,
    pub(super) template: Option<Template>,
}

/// The member with the handle, of platforms that have one.
fn handle_member(platform: Platform) -> &'static str {
    match platform {
        Platform::Apple => "DeviceToken",
        Platform::FcmV1 => "FcmV1RegistrationId",
        Platform::Gcm => "GcmRegistrationId",
        Platform::Adm => "AdmRegistrationId",
        Platform::Xiaomi => "XiaomiRegistrationId",
        Platform::Browser => "Endpoint",
        Platform::Windows | Platform::WindowsPhone => "ChannelUri",
        Platform::Baidu => "BaiduUserId",
    }
}

pub(super) fn is_handle_member(platform: Platform, member: &str) -> bool {
    handle_member(platform).eq_ignore_ascii_case(member)
}

/// The list of headers of a template, and one of them.
fn header_members(platform: Platform) -> Option<(&'static str, &'static str)> {
    match platform {
        Platform::Apple => Some(("ApnsHeaders", "ApnsHeader")),
        Platform::Windows => Some(("WnsHeaders", "WnsHeader")),
        Platform::WindowsPhone => Some(("MpnsHeaders", "MpnsHeader")),
        _ => None,
    }
}

impl Description {
    pub(super) fn read(element: &Element) -> Result<Self, Refused> {
        let (platform, with_template) = kind(&element.name)
            .ok_or_else(|| Refused::bad("The description is none of a registration that the service knows."))?;
        if element.value("ExpirationTime").is_some() {
            return Err(Refused::bad("The ExpirationTime cannot be set: it follows from the hub's time to live."));
        }
        let tags = match element.value("Tags") {
            None => Vec::new(),
            Some(list) => {
                let mut tags: Vec<String> = list.split(',').map(|tag| tag.trim().to_owned()).collect();
                tags::check(&tags).map_err(Refused::bad)?;
                let mut seen = std::collections::BTreeSet::new();
                tags.retain(|tag| seen.insert(tag.clone()));
                tags
            }
        };
        let variables = match element.value("PushVariables") {
            None => BTreeMap::new(),
            Some(text) => serde_json::from_str(text)
                .map_err(|_| Refused::bad("The PushVariables are no JSON object of texts."))?,
        };
        let tile = element.value("SecondaryTileName").map(|name| name.trim().to_owned());
        let template = if with_template { Some(template(platform, element)?) } else { None };
        let channel = channel(platform, element)?;
        Ok(Self { channel, tags, variables, tile: tile.filter(|_| platform.speaks_xml()), template })
    }
}

fn kind(name: &str) -> Option<(Platform, bool)> {
    let (word, with_template) = match name.strip_suffix(WITH_TEMPLATE) {
        Some(word) => (word, true),
        None => (name.strip_suffix(NATIVE)?, false),
    };
    Platform::ALL.into_iter().find(|p| p.description() == word).map(|platform| (platform, with_template))
}

fn channel(platform: Platform, element: &Element) -> Result<Channel, Refused> {
    let member = |name: &str| element.value(name).map(|text| text.trim().to_owned());
    let handle = match platform {
        Platform::Baidu => member("BaiduUserId").zip(member("BaiduChannelId")).map(|(user, id)| format!("{user}-{id}")),
        _ => member(handle_member(platform)),
    };
    let handle = handle.ok_or_else(|| Refused::bad("The description lacks the device handle."))?;
    let keys = member("P256DH").zip(member("Auth")).map(|(p256dh, auth)| Keys { p256dh, auth });
    Channel::new(platform, &handle, keys).map_err(|why| Refused::bad(format!("The device handle is invalid: {why}.")))
}

fn template(platform: Platform, element: &Element) -> Result<Template, Refused> {
    let body = element.value("BodyTemplate").ok_or_else(|| Refused::bad("The description has no BodyTemplate."))?;
    let mut headers = BTreeMap::new();
    if let Some((list, one)) = header_members(platform) {
        for header in element.child(list).into_iter().flat_map(|l| &l.children).filter(|c| c.name == one) {
            let (name, value) = (header.value("Header"), header.value("Value"));
            let (Some(name), Some(value)) = (name, value) else {
                return Err(Refused::bad("A header of the template lacks its name or its value."));
            };
            headers.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    let text = |name: &str| element.value(name).map(|text| text.trim().to_owned());
    let apple = platform == Platform::Apple;
    let template = Template {
        name: text("TemplateName"),
        body: body.trim().to_owned(),
        headers,
        expiry: text("Expiry").filter(|_| apple),
        priority: text("Priority").filter(|_| apple),
    };
    template.check(platform).map_err(Refused::bad)?;
    Ok(template)
}

/// Writes a registration, in the order in which the service writes it (recorded).
pub(super) fn write(registration: &Registration, out: &mut Out) {
    let channel = &registration.channel;
    let platform = channel.platform;
    let suffix = if registration.template.is_some() { WITH_TEMPLATE } else { NATIVE };
    let name = format!("{}{suffix}", platform.description());
    out.open(&name, &[("xmlns", CONNECT), ("xmlns:i", INSTANCE)])
        .leaf("ETag", &registration.version.to_string())
        .leaf("ExpirationTime", &time::expiry(registration.expires))
        .leaf("RegistrationId", &registration.id);
    if !registration.tags.is_empty() {
        out.leaf("Tags", &registration.tags.join(","));
    }
    if !registration.variables.is_empty() {
        let variables = serde_json::to_string(&registration.variables).unwrap_or_default();
        out.leaf("PushVariables", &variables);
    }
    match (platform, channel.handle.split_once('-')) {
        (Platform::Baidu, Some((user, id))) => {
            out.leaf("BaiduUserId", user).leaf("BaiduChannelId", id);
        }
        _ => {
            out.leaf(handle_member(platform), &channel.handle);
        }
    }
    if let Some(keys) = &channel.keys {
        out.leaf("P256DH", &keys.p256dh).leaf("Auth", &keys.auth);
    }
    out.maybe("SecondaryTileName", registration.tile.as_deref());
    if let Some(template) = &registration.template {
        write_template(platform, template, out);
    }
    out.close(&name);
}

fn write_template(platform: Platform, template: &Template, out: &mut Out) {
    let apple = platform == Platform::Apple;
    out.cdata("BodyTemplate", &template.body);
    if apple {
        match &template.expiry {
            Some(expiry) => out.leaf("Expiry", expiry),
            None => out.empty("Expiry", &[("i:nil", "true")]),
        };
        out.maybe("Priority", template.priority.as_deref());
        out.maybe("TemplateName", template.name.as_deref());
    }
    if let Some((list, one)) = header_members(platform) {
        if template.headers.is_empty() {
            out.empty(list, &[]);
        } else {
            out.open(list, &[]);
            for (name, value) in &template.headers {
                out.open(one, &[]).leaf("Header", name).leaf("Value", value).close(one);
            }
            out.close(list);
        }
    }
    if !apple {
        out.maybe("TemplateName", template.name.as_deref());
    }
}
