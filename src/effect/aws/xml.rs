//! An answer in XML as a tree of elements: namespaces and attributes mean nothing in what AWS says.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::base::error::{Error, Result};

/// Deeper than this nests no answer.
const DEEPEST: usize = 64;

/// An element: its name without a prefix, its text, the elements in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// Its own text, without that of the elements in it.
    pub text: String,
    /// The elements in it, in their order.
    pub children: Vec<Self>,
}

impl Element {
    /// Reads a document; the answer is its outermost element.
    pub fn read(text: &str) -> Result<Self> {
        let wrong = |why: String| Error::remote("the answer is no XML").why(why);
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|why| wrong(why.to_string()))? {
                Event::Start(start) if open.len() < DEEPEST => open.push(named(&start)),
                Event::Start(_) => return Err(wrong("it nests too deep".to_owned())),
                Event::Empty(start) => add(&mut open, named(&start)),
                Event::End(_) => {
                    let Some(mut done) = open.pop() else { break };
                    if !done.children.is_empty() {
                        done.text.clear();
                    }
                    add(&mut open, done);
                }
                Event::Text(text) => say(&mut open, &text.xml_content(XmlVersion::Implicit1_0)),
                Event::CData(text) => say(&mut open, &text.xml_content(XmlVersion::Implicit1_0)),
                Event::GeneralRef(name) => say(&mut open, &meant(&name)),
                Event::Eof => break,
                _ => {}
            }
        }
        let outermost = open.into_iter().next().and_then(|root| root.children.into_iter().next());
        outermost.ok_or_else(|| wrong("it is empty".to_owned()))
    }

    /// The first element at that path, such as `DistributionConfig/Enabled`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |at, name| at.children.iter().find(|child| child.name == name))
    }

    /// The text of the first element at that path; empty when there is none.
    #[must_use]
    pub fn text(&self, path: &str) -> &str {
        self.at(path).map_or("", |found| &found.text)
    }

    /// The elements of the list at that path, which stand each in an element of their own: `member`, `item`.
    pub fn list(&self, path: &str) -> impl Iterator<Item = &Self> {
        self.at(path).into_iter().flat_map(|list| &list.children)
    }

    /// The text of the first element of that name, however deep it lies.
    #[must_use]
    pub fn anywhere(&self, name: &str) -> Option<&str> {
        if self.name == name {
            return Some(&self.text);
        }
        self.children.iter().find_map(|child| child.anywhere(name))
    }
}

fn named(start: &BytesStart<'_>) -> Element {
    let name = start.local_name().as_ref().to_owned();
    Element { name, ..Element::default() }
}

fn add(open: &mut [Element], child: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(child);
    }
}

fn say(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// The character that a reference stands for; what is unknown is left out.
fn meant(name: &BytesRef<'_>) -> String {
    match name.resolve_char_ref() {
        Ok(Some(character)) => character.to_string(),
        _ => match name.xml_content(XmlVersion::Implicit1_0).as_ref() {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "apos" => "'",
            _ => "",
        }
        .to_owned(),
    }
}

/// Text as it stands in XML.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_tree() {
        let text = "<?xml version=\"1.0\"?><a:R xmlns:a=\"u\"><Items><member><N>x &amp; &#60;y</N></member>\
                    <member><N><![CDATA[<z>]]></N></member></Items><Empty/></a:R>";
        let root = Element::read(text).unwrap();
        assert_eq!(root.name, "R");
        let names: Vec<_> = root.list("Items").map(|member| member.text("N")).collect();
        assert_eq!(names, ["x & <y", "<z>"]);
        assert_eq!((root.text("Empty"), root.text("None"), root.anywhere("N")), ("", "", Some("x & <y")));
        for wrong in ["", "plain", "<a><b></a>", &"<a>".repeat(100)] {
            assert!(Element::read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(escape("a<b & \"c\""), "a&lt;b &amp; &quot;c&quot;");
    }
}
