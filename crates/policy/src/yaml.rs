//! YAML as a tree of scalars, lists and mappings, each with its place in the text. Bounded in size, depth and nodes;
//! aliases, tags and second documents are refused, so that what stands in the file is what is in force.

use crate::problem::{Position, Problems};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::BTreeSet;

/// Bytes of a policy's text at most.
pub(crate) const MOST_BYTES: usize = 1 << 20;
/// Levels of lists and mappings at most.
const MOST_DEPTH: usize = 16;
/// Nodes at most.
const MOST_NODES: usize = 50_000;

/// A node of the tree.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Where it starts.
    pub at: Position,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Nothing was written.
    Nothing,
    /// A scalar as it was written. Its type is the reader's to decide: `no`, `1e3` and `0x10` stay what they are.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order of the text, its keys unique.
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub at: Position,
}

/// A list or mapping that is not closed yet.
struct Open {
    node: Node,
    key: Option<Key>,
    names: BTreeSet<String>,
}

/// Reads a text into a tree; none when it has no document or its syntax is broken.
pub(crate) fn read(text: &str, problems: &Problems) -> Option<Node> {
    if text.len() > MOST_BYTES {
        problems.add(
            Position { line: 1, column: 1 },
            format!("the policy is {} bytes long", text.len()),
            format!("keep it under {MOST_BYTES} bytes"),
        );
        return None;
    }
    Tree { problems, open: Vec::new(), root: None, nodes: 0, documents: 0 }.read(text)
}

struct Tree<'a> {
    problems: &'a Problems,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

impl Tree<'_> {
    fn read(mut self, text: &str) -> Option<Node> {
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            match event {
                Ok((event, span)) => {
                    if !self.take(event, span) {
                        return None;
                    }
                }
                Err(error) => {
                    let at = Position { line: error.marker().line(), column: error.marker().col() + 1 };
                    self.problems.add(
                        at,
                        format!("this is not YAML: {}", error.info()),
                        "check indentation, colons and quotes here and in the line above",
                    );
                    return None;
                }
            }
        }
        if self.root.is_none() {
            self.problems.add(
                Position { line: 1, column: 1 },
                "the policy is empty",
                "start with `version: name@1`; deploy/policies/ holds complete examples",
            );
        }
        self.root
    }

    /// Takes one event; false when reading cannot go on.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let at = Position { line: span.start.line(), column: span.start.col() + 1 };
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.problems.add(at, "a second document starts here", "keep one policy a file");
                    return false;
                }
            }
            Event::Alias(_) => {
                self.problems.add(at, "an alias (`*…`) stands here", "write the value out; aliases are not taken");
                return self.scalar(Node { at, value: Value::Nothing });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_marks(at, anchor, tag.is_some());
                let nothing = style == ScalarStyle::Plain && matches!(text.as_ref(), "" | "~" | "null");
                let value = if nothing { Value::Nothing } else { Value::Scalar(text.into_owned()) };
                return self.scalar(Node { at, value });
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_marks(at, anchor, tag.is_some());
                return self.start(Node { at, value: Value::List(Vec::new()) });
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_marks(at, anchor, tag.is_some());
                return self.start(Node { at, value: Value::Map(Vec::new()) });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.add(open.node);
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        true
    }

    fn refuse_marks(&self, at: Position, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.problems.add(at, "an anchor (`&…`) stands here", "take it away; aliases are not taken");
        }
        if tagged {
            self.problems.add(at, "a tag (`!…`) stands here", "take it away; every value's type is known");
        }
    }

    fn count(&mut self, at: Position) -> bool {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            self.problems.add(at, format!("the policy has more than {MOST_NODES} values"), "shorten its lists");
            return false;
        }
        true
    }

    fn start(&mut self, node: Node) -> bool {
        if let Some(Open { node: Node { value: Value::Map(_), .. }, key: None, .. }) = self.open.last() {
            self.problems.add(node.at, "a key is a list or a mapping", "write a plain name before the colon");
            return false;
        }
        if self.open.len() >= MOST_DEPTH {
            self.problems.add(
                node.at,
                format!("nested deeper than {MOST_DEPTH} levels"),
                "no part of a policy is that deep",
            );
            return false;
        }
        if !self.count(node.at) {
            return false;
        }
        self.open.push(Open { node, key: None, names: BTreeSet::new() });
        true
    }

    fn scalar(&mut self, node: Node) -> bool {
        if !self.count(node.at) {
            return false;
        }
        if let Some(open) = self.open.last_mut()
            && matches!(open.node.value, Value::Map(_))
            && open.key.is_none()
        {
            let name = match node.value {
                Value::Scalar(text) => text,
                _ => String::new(),
            };
            if !open.names.insert(name.clone()) {
                self.problems.add(
                    node.at,
                    format!("`{name}` stands here a second time"),
                    "keep one of the two; neither would win",
                );
            }
            open.key = Some(Key { name, at: node.at });
            return true;
        }
        self.add(node);
        true
    }

    /// Puts a finished node into what is open, or makes it the root.
    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { node: Node { value: Value::List(items), .. }, .. }) => items.push(node),
            Some(Open { node: Node { value: Value::Map(fields), .. }, key, .. }) => {
                if let Some(key) = key.take() {
                    fields.push((key, node));
                }
            }
            Some(_) => {}
        }
    }
}
