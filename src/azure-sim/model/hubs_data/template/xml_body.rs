//! Bodies of XML: an expression is the whole of an attribute, or of the text of an element without children.

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, BytesText, Event};

use super::super::super::xml::{Element, Out};
use super::{Expression, Properties};

pub(super) fn check(body: &str) -> Result<(), String> {
    Element::parse(body).map_err(|why| format!("The body of the template is refused: {why}."))?;
    walk(body, &mut |value| Expression::parse(value).map(|e| e.text(&Properties::default()))).map(drop)
}

/// A body that [`check`] has passed.
pub(super) fn render(body: &str, properties: &Properties) -> String {
    let filled = walk(body, &mut |value| Expression::parse(value).map(|e| e.text(properties)));
    filled.unwrap_or_else(|_| body.to_owned())
}

type Fill<'a> = &'a mut dyn FnMut(&str) -> Result<String, String>;

/// Copies the document and asks `fill` for each value in it.
fn walk(body: &str, fill: Fill<'_>) -> Result<String, String> {
    let mut reader = Reader::from_str(body);
    let mut out = Out::new();
    // Text since the last start tag, raw, while no child has come: only then it may be an expression.
    let mut leaf: Option<String> = None;
    loop {
        match reader.read_event().map_err(|_| "The body of the template is not XML.".to_owned())? {
            Event::Start(start) => {
                flush(&mut out, &mut leaf);
                out.event(Event::Start(attributes(&start, fill)?));
                leaf = Some(String::new());
            }
            Event::Empty(start) => {
                flush(&mut out, &mut leaf);
                out.event(Event::Empty(attributes(&start, fill)?));
            }
            Event::End(end) => {
                if let Some(raw) = leaf.take() {
                    let text = unescape(&raw).map_err(|_| "The body of the template is not XML.".to_owned())?;
                    let filled = fill(&text)?;
                    out.event(Event::Text(BytesText::new(&filled)));
                }
                out.event(Event::End(end));
            }
            Event::Text(text) => keep(&mut out, &mut leaf, &text),
            Event::GeneralRef(reference) => keep(&mut out, &mut leaf, &format!("&{};", &*reference)),
            Event::CData(text) => {
                let escaped = escape(text.into_inner()).into_owned();
                keep(&mut out, &mut leaf, &escaped);
            }
            Event::Eof => break,
            other => {
                flush(&mut out, &mut leaf);
                out.event(other);
            }
        }
    }
    String::from_utf8(out.finish()).map_err(|_| "The body of the template is not text.".to_owned())
}

fn attributes(start: &BytesStart<'_>, fill: Fill<'_>) -> Result<BytesStart<'static>, String> {
    let name = start.name();
    let mut filled = BytesStart::new(name.into_inner().to_owned());
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| "The body of the template has a malformed attribute.".to_owned())?;
        let value = unescape(&attribute.value).map_err(|_| "The body of the template is not XML.".to_owned())?;
        filled.push_attribute((attribute.key.into_inner(), fill(&value)?.as_str()));
    }
    Ok(filled)
}

/// Raw text, which may still become an expression.
fn keep(out: &mut Out, leaf: &mut Option<String>, raw: &str) {
    match leaf {
        Some(text) => text.push_str(raw),
        None => {
            out.event(Event::Text(BytesText::from_escaped(raw)));
        }
    }
}

fn flush(out: &mut Out, leaf: &mut Option<String>) {
    if let Some(raw) = leaf.take().filter(|raw| !raw.is_empty()) {
        out.event(Event::Text(BytesText::from_escaped(raw)));
    }
}
