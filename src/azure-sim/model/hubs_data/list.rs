//! Lists of registrations: all of them, those of a channel, those with a tag; page by page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::journal::Effect;
use super::super::world::World;
use super::super::xml::Out;
use super::answer::Refused;
use super::atom::{self, Entry};
use super::description;
use super::registrations::has_channel;
use super::store::{Hub, Registration};
use super::{Answer, Call, Right};

/// Entries of a page, at most and when nothing else is asked for (that more is not refused is unverified).
const PAGE: usize = 100;

/// GET of `registrations`. Those of one channel may be read with Listen; all of them with Manage (documented).
pub(super) fn all(world: &mut World, call: &Call<'_>) -> Answer {
    match call.parameter("$filter") {
        Some(filter) => {
            call.require(world, Right::Listen)?;
            let terms =
                terms(filter).ok_or_else(|| Refused::bad("The $filter is not of the form: Name eq 'value'."))?;
            page(world, call, |r| terms.iter().all(|(member, value)| has_channel(&r.channel, member, value)))
        }
        None => {
            call.require(world, Right::Manage)?;
            page(world, call, |_| true)
        }
    }
}

/// GET of `tags/{tag}/registrations`.
pub(super) fn by_tag(world: &mut World, call: &Call<'_>, tag: &str) -> Answer {
    call.require(world, Right::Manage)?;
    page(world, call, |r| r.tags.iter().any(|t| t == tag))
}

fn page(world: &mut World, call: &Call<'_>, wanted: impl Fn(&Registration) -> bool) -> Answer {
    let size = match call.parameter("$top") {
        None => PAGE,
        Some(top) => match top.parse::<usize>() {
            Ok(top) if top > 0 => top.min(PAGE),
            _ => return Err(Refused::bad("$top is a whole number above zero.")),
        },
    };
    let after = match call.parameter("continuationtoken") {
        None => String::new(),
        Some(token) => {
            let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            decoded.ok_or_else(|| Refused::bad("The continuation token is not one that was given."))?
        }
    };
    let empty = Hub::default();
    let hub = world.telephony.hubs.get(&call.hub).unwrap_or(&empty);
    let mut found = hub.after(&after, call.now).filter(|r| wanted(r));
    let shown: Vec<&Registration> = found.by_ref().take(size).collect();
    // Nothing in a token needs escaping: clients differ in whether they do.
    let next = found.next().and(shown.last()).map(|last| URL_SAFE_NO_PAD.encode(&last.id));
    let writers: Vec<_> = shown.iter().map(|r| move |out: &mut Out| description::write(r, out)).collect();
    let entries: Vec<Entry<'_>> = shown
        .iter()
        .zip(&writers)
        .map(|(r, content)| Entry { id: &r.id, collection: "registrations", version: Some(r.version), content })
        .collect();
    Ok((atom::feed(call, "Registrations", &entries, next.as_deref()), Effect::Read))
}

/// `Name eq 'value' and Name eq 'value'`; a quote in a value is doubled.
fn terms(filter: &str) -> Option<Vec<(&str, String)>> {
    let mut terms = Vec::new();
    let mut rest = filter.trim();
    loop {
        let (name, after) = rest.split_once(char::is_whitespace)?;
        let after = after.trim_start().strip_prefix("eq")?.trim_start().strip_prefix('\'')?;
        let (value, after) = quoted(after)?;
        terms.push((name, value));
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(terms);
        }
        rest = rest.strip_prefix("and").filter(|_| terms.len() < 4)?.trim_start();
    }
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_clients_write_them() {
        assert_eq!(terms("DeviceToken eq 'AB'"), Some(vec![("DeviceToken", "AB".to_owned())]));
        let both = terms("BaiduChannelId eq 'it''s' and BaiduUserId eq 'b'");
        assert_eq!(both, Some(vec![("BaiduChannelId", "it's".to_owned()), ("BaiduUserId", "b".to_owned())]));
        // The JavaScript client forgets the first quote of its filter for Baidu.
        for wrong in ["", "DeviceToken", "DeviceToken ne 'a'", "BaiduChannelId eq a' and BaiduUserId eq 'b'", "a eq 'b"]
        {
            assert_eq!(terms(wrong), None, "{wrong}");
        }
    }
}
