//! Reads typed values out of the tree. A value that is wrong becomes a problem and a neutral stand-in, so that one
//! pass finds all that is wrong; a policy with a problem is never used.

use crate::condition::{self, Condition};
use crate::duration;
use crate::problem::{Position, Problems, suggestion};
use crate::yaml::{Key, Node, Value};
use baton_records::Id;
use rust_decimal::Decimal;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

/// What a name in the text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A team.
    Team,
    /// A tier.
    Tier,
    /// A calendar.
    Calendar,
    /// A cue.
    Cue,
    /// A skill.
    Skill,
}

/// A name that must be defined somewhere.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    /// What it stands for.
    pub kind: Kind,
    /// The name.
    pub name: Id,
    /// Where it is named.
    pub at: Position,
    /// Whether handoffs go there, so that somebody must be there.
    pub receives: Receives,
}

/// Whether a team that is named receives handoffs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receives {
    /// It does.
    Handoffs,
    /// It is only named.
    Nothing,
}

/// Reads values and keeps what the checks need.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// What is wrong.
    pub problems: Problems,
    /// Names that must be defined.
    pub references: RefCell<Vec<Reference>>,
    /// Names that the policy chose, with their places.
    names: RefCell<Vec<(Id, Position)>>,
    /// Teams that say what happens when nobody is there.
    answering: RefCell<BTreeSet<Id>>,
}

/// Whether a block is what it should be; what it lacks is not worth saying otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Mapping,
    Other,
}

/// A mapping with known keys.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    /// The reader.
    pub reader: &'a Reader,
    /// Where it starts.
    pub at: Position,
    /// What it is called in messages.
    pub name: String,
    fields: &'a [(Key, Node)],
    shape: Shape,
    known: RefCell<Vec<&'static str>>,
}

impl Reader {
    /// Takes a node as a mapping with known keys.
    pub fn block<'a>(&'a self, node: &'a Node, name: impl Into<String>) -> Block<'a> {
        let name = name.into();
        let (fields, shape): (&[(Key, Node)], Shape) = match &node.value {
            Value::Map(fields) => (fields, Shape::Mapping),
            Value::Nothing => (&[], Shape::Mapping),
            Value::Scalar(_) | Value::List(_) => {
                self.problems.add(node.at, format!("`{name}` is no mapping"), "write `key: value` lines below it");
                (&[], Shape::Other)
            }
        };
        Block { reader: self, at: node.at, name, fields, shape, known: RefCell::default() }
    }

    /// Takes a node as a mapping whose keys are names that the policy chooses.
    pub fn entries<'a>(&self, node: &'a Node, name: &str) -> &'a [(Key, Node)] {
        match &node.value {
            Value::Map(fields) => {
                for (key, _) in fields {
                    self.check_name(&key.name, key.at);
                    self.names.borrow_mut().push((Id::from(key.name.as_str()), key.at));
                }
                fields
            }
            Value::Nothing => &[],
            Value::Scalar(_) | Value::List(_) => {
                self.problems.add(
                    node.at,
                    format!("`{name}` is no mapping"),
                    "write one `name: …` line for each below it",
                );
                &[]
            }
        }
    }

    /// Returns where a name that the policy chose stands last.
    pub fn place_of_name(&self, name: &str) -> Position {
        let names = self.names.borrow();
        names.iter().rev().find(|(known, _)| known == name).map_or(Position { line: 1, column: 1 }, |(_, at)| *at)
    }

    /// Notes that a team says what happens when nobody is there.
    pub fn note_answer(&self, team: &str) {
        self.answering.borrow_mut().insert(Id::from(team));
    }

    /// Returns whether a team says what happens when nobody is there.
    pub fn answers(&self, team: &str) -> bool {
        self.answering.borrow().contains(team)
    }

    /// Takes a node as a list; a single value is a list of one.
    pub fn list<'a>(&self, node: &'a Node, name: &str) -> &'a [Node] {
        match &node.value {
            Value::List(items) => items,
            Value::Nothing => &[],
            Value::Scalar(_) => std::slice::from_ref(node),
            Value::Map(_) => {
                self.problems.add(node.at, format!("`{name}` is no list"), "write `[a, b]` or one `- …` line for each");
                &[]
            }
        }
    }

    /// Takes a node as text.
    pub fn text<'a>(&self, node: &'a Node, name: &str) -> &'a str {
        match &node.value {
            Value::Scalar(text) if text.len() <= 4_096 => text,
            Value::Scalar(_) => {
                self.problems.add(node.at, format!("`{name}` is longer than 4096 bytes"), "shorten it");
                ""
            }
            Value::Nothing => {
                self.problems.add(
                    node.at,
                    format!("`{name}` has no value"),
                    "write one after the colon, or take the line away",
                );
                ""
            }
            Value::List(_) | Value::Map(_) => {
                self.problems.add(node.at, format!("`{name}` is no single value"), "write one value on its line");
                ""
            }
        }
    }

    /// Takes a node as a name.
    pub fn name(&self, node: &Node, field: &str) -> Id {
        let text = self.text(node, field);
        if !text.is_empty() {
            self.check_name(text, node.at);
        }
        Id::from(text)
    }

    fn check_name(&self, name: &str, at: Position) {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '*');
        if name.is_empty() || name.len() > 80 || !name.chars().all(good) {
            self.problems.add(
                at,
                format!("`{name}` is no name"),
                "write letters, digits, `_`, `-` and `.` only, 80 at most",
            );
        }
    }

    /// Takes a node as a name that must be defined as `kind`.
    pub fn refer(&self, node: &Node, field: &str, kind: Kind, receives: Receives) -> Id {
        let name = self.name(node, field);
        if !name.is_empty() {
            self.references.borrow_mut().push(Reference { kind, name: name.clone(), at: node.at, receives });
        }
        name
    }

    /// Takes a node as a duration.
    pub fn duration(&self, node: &Node, field: &str) -> Duration {
        let text = self.text(node, field);
        duration::parse(text).unwrap_or_else(|| {
            if !text.is_empty() {
                self.problems.add(
                    node.at,
                    format!("`{text}` is no duration"),
                    "write a number with its unit, such as 30s, 5m, 1h or 2d, ten years at most",
                );
            }
            Duration::ZERO
        })
    }

    /// Takes a node as a decimal number.
    pub fn decimal(&self, node: &Node, field: &str) -> Decimal {
        let text = self.text(node, field);
        text.replace('_', "").parse().unwrap_or_else(|_| {
            if !text.is_empty() {
                self.problems.add(
                    node.at,
                    format!("`{text}` is no number"),
                    "write digits and a point, such as 1000000 or 99.50",
                );
            }
            Decimal::ZERO
        })
    }

    /// Takes a node as a whole number within bounds.
    pub fn whole(&self, node: &Node, field: &str, least: u32, most: u32) -> u32 {
        let text = self.text(node, field);
        match text.replace('_', "").parse::<u32>() {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                if !text.is_empty() {
                    self.problems.add(
                        node.at,
                        format!("`{field}` is `{text}`"),
                        format!("write a whole number from {least} to {most}"),
                    );
                }
                least
            }
        }
    }

    /// Takes a node as a number within bounds.
    pub fn number(&self, node: &Node, field: &str, least: f64, most: f64) -> f64 {
        let text = self.text(node, field);
        match text.parse::<f64>() {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                if !text.is_empty() {
                    self.problems.add(
                        node.at,
                        format!("`{field}` is `{text}`"),
                        format!("write a number from {least} to {most}"),
                    );
                }
                least
            }
        }
    }

    /// Takes a node as one of some words.
    pub fn word<T: Copy>(&self, node: &Node, field: &str, words: &[(&str, T)], stand_in: T) -> T {
        let text = self.text(node, field);
        words.iter().find(|(word, _)| *word == text).map_or_else(
            || {
                if !text.is_empty() {
                    let mend = suggestion(text, words.iter().map(|(word, _)| *word));
                    self.problems.add(node.at, format!("`{field}` cannot be `{text}`"), mend);
                }
                stand_in
            },
            |(_, value)| *value,
        )
    }

    /// Takes a node as a condition; what is wrong with it becomes a problem.
    pub fn condition(&self, node: &Node, field: &str) -> Option<Condition> {
        let text = self.text(node, field);
        if text.is_empty() {
            return None;
        }
        match condition::compile(text) {
            Ok((condition, tiers)) => {
                let mut references = self.references.borrow_mut();
                references.extend(tiers.into_iter().map(|tier| Reference {
                    kind: Kind::Tier,
                    name: tier,
                    at: node.at,
                    receives: Receives::Nothing,
                }));
                Some(condition)
            }
            Err(faults) => {
                for fault in faults {
                    self.problems.add(node.at, format!("in the condition `{field}`: {}", fault.what), fault.mend);
                }
                None
            }
        }
    }
}

impl<'a> Block<'a> {
    /// Returns the value of a key, if it stands there, and remembers that the key is known.
    pub fn get(&self, key: &'static str) -> Option<&'a Node> {
        self.known.borrow_mut().push(key);
        self.fields.iter().find(|(k, _)| k.name == key).map(|(_, node)| node)
    }

    /// Returns the value of a key that must stand there; `example` shows how to write it.
    pub fn need(&self, key: &'static str, example: &str) -> Option<&'a Node> {
        let found = self.get(key);
        if found.is_none() && self.shape == Shape::Mapping {
            self.reader.problems.add(
                self.at,
                format!("`{}` has no `{key}`", self.name),
                format!("add `{key}: {example}`"),
            );
        }
        found
    }

    /// Reads a duration that must stand there.
    pub fn duration(&self, key: &'static str, example: &str) -> Duration {
        self.need(key, example).map_or(Duration::ZERO, |node| self.reader.duration(node, key))
    }

    /// Reads names, if any.
    pub fn names(&self, key: &'static str) -> Vec<Id> {
        let nodes = self.get(key).map_or(&[][..], |node| self.reader.list(node, key));
        nodes.iter().map(|node| self.reader.name(node, key)).collect()
    }

    /// Reads names of something that must be defined, if any.
    pub fn refer_all(&self, key: &'static str, kind: Kind, receives: Receives) -> Vec<Id> {
        let nodes = self.get(key).map_or(&[][..], |node| self.reader.list(node, key));
        nodes.iter().map(|node| self.reader.refer(node, key, kind, receives)).collect()
    }

    /// Reads short texts for people, if any.
    pub fn texts(&self, key: &'static str) -> Vec<Id> {
        let nodes = self.get(key).map_or(&[][..], |node| self.reader.list(node, key));
        nodes.iter().map(|node| Id::from(self.reader.text(node, key))).filter(|text| !text.is_empty()).collect()
    }

    /// Reports keys that nobody asked for.
    pub fn finish(&self) {
        let known: BTreeSet<&'static str> = self.known.borrow().iter().copied().collect();
        for (key, _) in self.fields {
            if !known.contains(key.name.as_str()) {
                self.reader.problems.add(
                    key.at,
                    format!("`{}` does not know `{}`", self.name, key.name),
                    suggestion(&key.name, known.iter().copied()),
                );
            }
        }
    }
}
