//! XML in and out, with bounds: no document types, no entities but the five of XML, no endless nesting.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesCData, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

/// Elements inside one another, and in all.
const DEPTH: usize = 32;
const ELEMENTS: usize = 4096;

/// An element, by names without their prefixes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    /// Text and CDATA of this element itself.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it, without citing it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut open: Vec<Self> = Vec::new();
        let mut root = None;
        let mut count = 0;
        loop {
            let event = reader.read_event().map_err(|_| "it is not well-formed XML")?;
            match event {
                Event::Start(start) => {
                    count += 1;
                    if count > ELEMENTS || open.len() >= DEPTH || root.is_some() {
                        return Err("it has too many elements, too deep ones, or more than one root");
                    }
                    attributes(&start)?;
                    open.push(Self { name: local(&start), ..Self::default() });
                }
                Event::Empty(start) => {
                    count += 1;
                    if count > ELEMENTS || root.is_some() {
                        return Err("it has too many elements, or more than one root");
                    }
                    attributes(&start)?;
                    close(&mut open, &mut root, Self { name: local(&start), ..Self::default() });
                }
                Event::End(_) => {
                    let element = open.pop().ok_or("it is not well-formed XML")?;
                    close(&mut open, &mut root, element);
                }
                Event::Text(text) => add(&mut open, &text.xml10_content())?,
                Event::CData(text) => add(&mut open, &text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let resolved = match reference.resolve_char_ref() {
                        Ok(Some(c)) => c.to_string(),
                        Ok(None) => resolve_predefined_entity(&reference.xml10_content())
                            .ok_or("it refers to an entity that XML does not have")?
                            .to_owned(),
                        Err(_) => return Err("it refers to a character that XML does not have"),
                    };
                    add(&mut open, &resolved)?;
                }
                Event::DocType(_) => return Err("it has a document type, which is not allowed"),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        if !open.is_empty() {
            return Err("it is not well-formed XML");
        }
        root.ok_or("it is empty")
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The text of a child; none when it has none.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.child(name).map(|c| c.text.as_str()).filter(|text| !text.trim().is_empty())
    }

    /// This element and all beneath it, in the order of the document.
    pub(crate) fn descendants(&self) -> Vec<&Self> {
        let mut all = vec![self];
        let mut next = 0;
        while let Some(element) = all.get(next).copied() {
            all.splice(next + 1..next + 1, element.children.iter());
            next += 1;
        }
        all
    }
}

fn local(start: &BytesStart<'_>) -> String {
    start.local_name().into_inner().to_owned()
}

/// Attributes must be well-formed, too; they are not kept.
fn attributes(start: &BytesStart<'_>) -> Result<(), &'static str> {
    match start.attributes().all(|a| a.is_ok()) {
        true => Ok(()),
        false => Err("it has a malformed attribute"),
    }
}

fn close(open: &mut [Element], root: &mut Option<Element>, element: Element) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

fn add(open: &mut [Element], text: &str) -> Result<(), &'static str> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("it has text outside its root"),
    }
    Ok(())
}

/// Writes elements into a text. Writing into memory does not fail, so that results are dropped here once.
pub(crate) struct Out(Writer<Vec<u8>>);

impl Out {
    pub(crate) fn new() -> Self {
        Self(Writer::new(Vec::new()))
    }

    pub(crate) fn event(&mut self, event: Event<'_>) -> &mut Self {
        let _ = self.0.write_event(event);
        self
    }

    pub(crate) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.event(Event::Start(BytesStart::new(name).with_attributes(attributes.iter().copied())))
    }

    pub(crate) fn close(&mut self, name: &str) -> &mut Self {
        self.event(Event::End(BytesEnd::new(name)))
    }

    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.event(Event::Empty(BytesStart::new(name).with_attributes(attributes.iter().copied())))
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.event(Event::Text(BytesText::new(text)))
    }

    pub(crate) fn leaf(&mut self, name: &str, text: &str) -> &mut Self {
        self.open(name, &[]).text(text).close(name)
    }

    pub(crate) fn maybe(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.leaf(name, text);
        }
        self
    }

    /// A leaf in CDATA, cut where its end would stand inside.
    pub(crate) fn cdata(&mut self, name: &str, text: &str) -> &mut Self {
        self.open(name, &[]);
        for part in BytesCData::escaped(text) {
            self.event(Event::CData(part));
        }
        self.close(name)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_prefixes_and_texts_their_escapes() {
        let root = Element::parse(
            "\u{feff}<?xml version=\"1.0\"?><a:x xmlns:a=\"u\"><y b=\"1\">1 &lt; &#50;<![CDATA[ <z>]]></y><w/></a:x>",
        );
        let root = root.expect("a document");
        assert_eq!((root.name.as_str(), root.value("y")), ("x", Some("1 < 2 <z>")));
        assert_eq!(root.value("w"), None);
        let names: Vec<&str> = root.descendants().iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["x", "y", "w"]);
    }

    #[test]
    fn what_is_dangerous_or_broken_is_refused() {
        for wrong in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a b></a>",
            "<a b=\"1\" b=\"2\"/>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<a>&b;</a>",
            "<a>&#xFFFFFF;</a>",
            &"<a>".repeat(10_000),
            &format!("<a>{}</a>", "<b/>".repeat(10_000)),
        ] {
            assert!(Element::parse(wrong).is_err(), "{}", wrong.get(..20).unwrap_or(wrong));
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut out = Out::new();
        out.open("a", &[("b", "<\"&")]).leaf("c", "1 < 2 & 3").cdata("d", "x]]>y").empty("e", &[]).close("a");
        let text = String::from_utf8(out.finish()).expect("text");
        let root = Element::parse(&text).expect("a document");
        assert_eq!((root.value("c"), root.value("d")), (Some("1 < 2 & 3"), Some("x]]>y")));
    }
}
