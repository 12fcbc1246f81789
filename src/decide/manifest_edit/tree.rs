//! A YAML text as a tree in which every node knows its place in the text. Two
//! trees are equal when they say the same in the same style, wherever that
//! stands.

use std::collections::HashSet;

use saphyr_parser::{BufferedInput, Event, Parser, ScalarStyle};

/// Deeper than any manifest; a deeper one would need a deep stack.
const DEEPEST: usize = 64;

/// Where a node begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Index of the line.
    pub(super) line: usize,
    /// Characters before it in the line.
    pub(super) column: usize,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As it is.
    Plain,
    /// In '…'.
    Single,
    /// In "…".
    Double,
    /// As a block of lines.
    Block,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    /// A word, with its style.
    Scalar(String, Style),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in order.
    Map(Vec<(Node, Node)>),
    /// `*name`.
    Alias(usize),
}

/// A node of the tree.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where it begins.
    pub(super) place: Place,
    /// Whether it has an anchor or a tag.
    pub(super) marked: bool,
    /// Anchor number and tag.
    properties: (usize, Option<String>),
    /// What it is.
    pub(super) body: Body,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.properties == other.properties && self.body == other.body
    }
}

impl Node {
    /// A new scalar; its place does not matter.
    pub(super) fn scalar(text: &str, style: Style) -> Self {
        let place = Place { line: 0, column: 0 };
        let body = Body::Scalar(text.to_owned(), style);
        Self { place, marked: false, properties: (0, None), body }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The node at the end of a way of indices, to be changed.
    pub(super) fn follow(&mut self, way: &[usize]) -> Option<&mut Node> {
        let Some((first, rest)) = way.split_first() else { return Some(self) };
        let child = match &mut self.body {
            Body::List(items) => items.get_mut(*first),
            Body::Map(pairs) => pairs.get_mut(*first).map(|(_, value)| value),
            _ => None,
        };
        child.and_then(|child| child.follow(rest))
    }

    /// The first node in it with an anchor, a tag, an alias or a merge key.
    pub(super) fn borrowed(&self) -> Option<&Node> {
        let is_merge = |(key, value): &(Node, Node)| key.is_plain("<<") || value.is_alias();
        match &self.body {
            _ if self.marked => Some(self),
            Body::Alias(_) => Some(self),
            Body::Scalar(..) => None,
            Body::List(items) => items.iter().find_map(Node::borrowed),
            Body::Map(pairs) => {
                pairs.iter().find(|pair| is_merge(pair)).map(|(key, _)| key).or_else(|| {
                    pairs
                        .iter()
                        .find_map(|(key, value)| key.borrowed().or_else(|| value.borrowed()))
                })
            }
        }
    }

    /// Whether it is this word without quotes.
    pub(super) fn is_plain(&self, word: &str) -> bool {
        matches!(&self.body, Body::Scalar(text, Style::Plain) if text == word)
    }

    fn is_alias(&self) -> bool {
        matches!(self.body, Body::Alias(_))
    }
}

/// A list or mapping that is not closed yet.
struct Open {
    node: Node,
    key: Option<Node>,
    /// The mapping's keys so far.
    keys: HashSet<String>,
}

impl Open {
    fn new(node: Node) -> Self {
        Self { node, key: None, keys: HashSet::new() }
    }

    /// Readers of YAML do not agree on which of two equal keys counts, so there
    /// must be none.
    fn take(&mut self, child: Node) -> Result<(), String> {
        match (&mut self.node.body, self.key.take()) {
            (Body::Map(pairs), Some(key)) => pairs.push((key, child)),
            (Body::Map(_), None) => {
                if let Some(text) =
                    child.text().filter(|text| !self.keys.insert((*text).to_owned()))
                {
                    let line = child.place.line + 1;
                    return Err(format!(
                        "written with the key `{text}` twice, again in line {line}"
                    ));
                }
                self.key = Some(child);
            }
            (Body::List(items), _) => items.push(child),
            _ => {}
        }
        Ok(())
    }
}

/// The documents of a text.
///
/// # Errors
/// Where and why it is no YAML, in a few words.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, String> {
    let mut parser = Parser::new(BufferedInput::new(text.chars()));
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| format!("not YAML: {error}"))?;
        let place = Place { line: span.start.line().saturating_sub(1), column: span.start.col() };
        if open.len() > DEEPEST {
            return Err(format!("nested too deeply in line {}", place.line + 1));
        }
        let node = |anchor: usize, tag: Option<String>, body| Node {
            place,
            marked: anchor != 0 || tag.is_some(),
            properties: (anchor, tag),
            body,
        };
        let done = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let body = Body::Scalar(text.into_owned(), style_of(style));
                node(anchor, tag.map(|tag| tag.to_string()), body)
            }
            Event::Alias(id) => node(0, None, Body::Alias(id)),
            Event::SequenceStart(anchor, tag) => {
                let list = node(anchor, tag.map(|tag| tag.to_string()), Body::List(Vec::new()));
                open.push(Open::new(list));
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                let map = node(anchor, tag.map(|tag| tag.to_string()), Body::Map(Vec::new()));
                open.push(Open::new(map));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(open) => open.node,
                None => continue,
            },
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.take(done)?,
            None => documents.push(done),
        }
    }
    Ok(documents)
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    }
}
