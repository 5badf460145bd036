//! XML into a tree that knows its lines. What attacks parsers is refused: a DOCTYPE and with it every entity of
//! its own, more levels or elements than any order has. Nothing is ever fetched.

use std::borrow::Cow;

use encoding_rs::Encoding;
use quick_xml::NsReader;
use quick_xml::errors::{IllFormedError, SyntaxError};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;

use super::json::Completeness;
use super::text::{self, NotText};

/// Levels of elements inside each other at the most; UBL has about a dozen.
const DEEPEST: usize = 64;

/// Elements of a document at the most: an order of ten thousand rows has a third of that.
const MOST_ELEMENTS: usize = 1_000_000;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Without its prefix.
    pub name: String,
    /// What the prefix stands for; empty where there is none.
    pub namespace: String,
    /// Names without their prefixes, and values.
    pub attributes: Vec<(String, String)>,
    /// The text directly in it.
    pub text: String,
    /// The elements in it.
    pub children: Vec<Element>,
    /// The line on which it begins, from 1.
    pub line: u64,
}

impl Element {
    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The children of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// What is found by going down along names, `A/B/C`, always into the first.
    pub fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// Its text without the spaces around it; `None` where nothing is left.
    pub fn value(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|text| !text.is_empty())
    }

    /// An attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoTree {
    /// What is wrong.
    pub why: Why,
    /// Where, from 1.
    pub line: u64,
}

/// What is wrong with XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It ends in the middle.
    CutOff,
    /// It does not even begin like XML.
    NotXml,
    /// A tag, an attribute or a character is wrong.
    Malformed(String),
    /// A DOCTYPE, or an entity that XML itself does not have.
    Forbidden(String),
    /// More levels than are read.
    TooDeep,
    /// More elements than are read.
    TooMany,
}

/// The text of an XML file, in the encoding that it declares.
///
/// # Errors
/// There are bytes that are no text, or the text is cut off.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, NotText> {
    let decoded = text::decode(bytes);
    match (&decoded, declared_encoding(bytes)) {
        (Err(NotText::Invalid { .. }), Some(encoding)) => {
            encoding.decode_without_bom_handling_and_without_replacement(bytes).map_or(decoded, Ok)
        }
        _ => decoded,
    }
}

/// The encoding that the declaration names, `<?xml version="1.0" encoding="ISO-8859-1"?>`.
fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    let declaration = head.trim_start().strip_prefix("<?xml")?.split("?>").next()?;
    let (_, after) = declaration.split_once("encoding")?;
    let after = after.trim_start().strip_prefix('=')?.trim_start();
    let label = after.strip_prefix(['"', '\''])?.split(['"', '\'']).next()?;
    Encoding::for_label(label.as_bytes())
}

/// Whether a file's bytes are all there: its root element is closed.
pub fn completeness(bytes: &[u8]) -> Completeness {
    let written = text::without_zeros(bytes);
    let text = match decode(written) {
        Ok(text) => text,
        Err(NotText::CutOff) => return Completeness::CutOff,
        Err(NotText::Invalid { .. }) => return Completeness::Broken,
    };
    match read(&text, &mut Ignored) {
        Ok(()) if written.len() == bytes.len() => Completeness::Complete,
        Ok(()) | Err(NoTree { why: Why::CutOff, .. }) => Completeness::CutOff,
        Err(_) => Completeness::Broken,
    }
}

/// The root element.
///
/// # Errors
/// Why there is none.
pub fn parse(text: &str) -> Result<Element, NoTree> {
    let mut tree = Tree::default();
    read(text, &mut tree)?;
    tree.root.ok_or(NoTree { why: Why::CutOff, line: 1 })
}

/// Who hears of what is in a document.
trait Listener {
    fn open(&mut self, element: impl FnOnce() -> Result<Element, Why>) -> Result<(), Why>;
    fn text(&mut self, text: &str);
    fn close(&mut self);
}

/// Only whether it is whole matters.
struct Ignored;

impl Listener for Ignored {
    fn open(&mut self, _: impl FnOnce() -> Result<Element, Why>) -> Result<(), Why> {
        Ok(())
    }
    fn text(&mut self, _: &str) {}
    fn close(&mut self) {}
}

#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
}

impl Listener for Tree {
    fn open(&mut self, element: impl FnOnce() -> Result<Element, Why>) -> Result<(), Why> {
        self.open.push(element()?);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }

    fn close(&mut self) {
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }
}

fn read(text: &str, listener: &mut impl Listener) -> Result<(), NoTree> {
    let mut reader = NsReader::from_str(text);
    let mut lines = Lines { text, at: 0, line: 1 };
    let (mut depth, mut elements, mut has_root) = (0, 0, false);
    loop {
        let at = reader.buffer_position() as usize;
        let no_tree = |lines: &mut Lines<'_>, why: Why| NoTree { why, line: lines.of(at) };
        let (namespace, event) = match reader.read_resolved_event() {
            Ok((ResolveResult::Bound(namespace), event)) => (namespace.0.to_owned(), event),
            Ok((_, event)) => (String::new(), event),
            Err(error) => {
                // Where nothing follows the place, the rest may be coming.
                let line = lines.of(at);
                return Err(NoTree { why: why(&error, text, at), line });
            }
        };
        match event {
            Event::Start(tag) | Event::Empty(tag) if depth == 0 && has_root => {
                let name = tag.local_name().into_inner().to_owned();
                return Err(no_tree(&mut lines, Why::Malformed(format!("<{name}>"))));
            }
            Event::Start(tag) => {
                (depth, elements, has_root) = (depth + 1, elements + 1, true);
                if depth > DEEPEST {
                    return Err(no_tree(&mut lines, Why::TooDeep));
                }
                open(listener, &tag, namespace, &mut lines, at)?;
            }
            Event::Empty(tag) => {
                (elements, has_root) = (elements + 1, true);
                open(listener, &tag, namespace, &mut lines, at)?;
                listener.close();
            }
            Event::End(_) => {
                depth -= 1;
                listener.close();
            }
            Event::Text(words) => {
                let words = words.xml10_content();
                if depth > 0 {
                    listener.text(&words);
                } else if !words.trim().is_empty() {
                    let why = if has_root { Why::Malformed(shortened(words.trim())) } else { Why::NotXml };
                    return Err(no_tree(&mut lines, why));
                }
            }
            Event::CData(words) if depth > 0 => listener.text(&words.into_inner()),
            Event::GeneralRef(reference) if depth > 0 => {
                let letter = resolved(&reference).map_err(|why| no_tree(&mut lines, why))?;
                listener.text(letter.encode_utf8(&mut [0; 4]));
            }
            Event::CData(_) | Event::GeneralRef(_) => return Err(no_tree(&mut lines, Why::NotXml)),
            Event::DocType(_) => return Err(no_tree(&mut lines, Why::Forbidden("DOCTYPE".into()))),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if depth > 0 || !has_root => return Err(no_tree(&mut lines, Why::CutOff)),
            Event::Eof => return Ok(()),
        }
        if elements > MOST_ELEMENTS {
            return Err(no_tree(&mut lines, Why::TooMany));
        }
    }
}

fn open(
    listener: &mut impl Listener,
    tag: &BytesStart<'_>,
    namespace: String,
    lines: &mut Lines<'_>,
    at: usize,
) -> Result<(), NoTree> {
    let line = lines.of(at);
    let element = || {
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| Why::Malformed(error.to_string()))?;
            let name = attribute.key.local_name().into_inner().to_owned();
            let value = quick_xml::escape::unescape(&attribute.value)
                .map_err(|_| Why::Forbidden(shortened(&attribute.value)))?;
            attributes.push((name, value.into_owned()));
        }
        let name = tag.local_name().into_inner().to_owned();
        Ok(Element { name, namespace, attributes, line, ..Element::default() })
    };
    listener.open(element).map_err(|why| NoTree { why, line })
}

/// One of the five entities that XML has by itself, or a character by its number.
fn resolved(reference: &BytesRef<'_>) -> Result<char, Why> {
    let name = reference.xml10_content();
    let letter = match name.as_ref() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => reference.resolve_char_ref().ok().flatten(),
    };
    letter.ok_or_else(|| Why::Forbidden(format!("&{};", shortened(&name))))
}

fn why(error: &quick_xml::Error, text: &str, at: usize) -> Why {
    use quick_xml::Error::{IllFormed, Syntax};
    let rest = text.get(at..).unwrap_or_default();
    match error {
        // `<!` and nothing that could become a comment, CDATA or DOCTYPE.
        Syntax(SyntaxError::InvalidBangMarkup)
            if !["<!--", "<![CDATA[", "<!DOCTYPE"].iter().any(|whole| whole.starts_with(rest)) =>
        {
            Why::Malformed(shortened(rest))
        }
        Syntax(_) => Why::CutOff,
        IllFormed(IllFormedError::UnclosedReference) if !rest.contains(['<', ' ', '\n']) => Why::CutOff,
        IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
            Why::Malformed(format!("</{found}> / </{expected}>"))
        }
        error => Why::Malformed(error.to_string()),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Counts lines as it goes through the text.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, at: usize) -> u64 {
        let at = at.min(self.text.len());
        if at >= self.at {
            let between = &self.text.as_bytes()[self.at..at];
            self.line += between.iter().filter(|byte| **byte == b'\n').count() as u64;
            self.at = at;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Completeness) {
        assert_eq!(completeness(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn a_writer_that_stops_anywhere_is_seen_as_cut_off() {
        let whole = "<?xml version=\"1.0\"?>\n<!-- a -- b --><a:Order xmlns:a='u' b=\"&lt;>\">\n\
                     <x/>å &amp; &#x41;<![CDATA[<y>]]><?pi?></a:Order>";
        for end in 0..whole.len() {
            let seen = completeness(&whole.as_bytes()[..end]);
            assert_eq!(seen, Completeness::CutOff, "at byte {end}: {:?}", whole.get(..end));
        }
        check(whole, Completeness::Complete);
        check(&format!("{whole}\n<!-- after -->\n"), Completeness::Complete);
        check(&format!("{whole}\0\0"), Completeness::CutOff);
        let order = parse(whole).unwrap();
        assert_eq!((order.name.as_str(), order.namespace.as_str(), order.line), ("Order", "u", 2));
        assert_eq!(order.text.trim(), "å & A<y>");
        assert_eq!((order.attribute("b"), order.children[0].line), (Some("<>"), 3));
    }

    #[test]
    fn no_trick_works() {
        let deep = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
        for (text, expected) in [
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "Forbidden"),
            ("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "Forbidden"),
            ("<a>&passwd;</a>", "Forbidden"),
            ("<a b=\"&passwd;\"/>", "Forbidden"),
            ("<a>&#x0;</a>", "Forbidden"),
            ("<a></b>", "Malformed"),
            ("<a/><a/>", "Malformed"),
            ("<a b='1' b='2'/>", "Malformed"),
            ("<a/>text", "Malformed"),
            ("{\"orderHeader\": {}}", "NotXml"),
            ("<a><!x></a>", "Malformed"),
            (&deep(65), "TooDeep"),
            (&deep(200_000), "TooDeep"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(format!("{:?}", error.why).starts_with(expected), "{:.60}: {error:?}", text);
        }
        assert!(parse(&deep(64)).is_ok());
        let many = format!("<a>{}</a>", "<b/>".repeat(MOST_ELEMENTS));
        assert_eq!(parse(&many).unwrap_err().why, Why::TooMany);
    }

    #[test]
    fn the_encoding_that_is_declared_is_read() {
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE5</a>";
        assert_eq!(parse(&decode(latin).unwrap()).unwrap().text, "å");
        assert!(decode(b"<?xml version='1.0'?><a>\xE5</a>").is_err());
    }
}
