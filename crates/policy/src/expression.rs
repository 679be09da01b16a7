//! Checks a compiled expression before it ever runs: names, fields, functions, and kinds of values.

use crate::problem::suggestion;
use baton_records::Id;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators};

/// What is wrong with an expression, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

/// The kind of a value, as far as it is known before evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Flag,
    Number,
    Text,
    List,
    Map,
    Open,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Flag => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Open => "a value",
        }
    }
}

type Fields = &'static [(&'static str, Kind)];

const ROOTS: [(&str, Fields); 4] =
    [("account", ACCOUNT), ("event", EVENT), ("request", REQUEST), ("conversation", CONVERSATION)];

const ACCOUNT: Fields = &[
    ("account_id", Kind::Text),
    ("name", Kind::Text),
    ("tier", Kind::Text),
    ("segment", Kind::Text),
    ("industry", Kind::Text),
    ("annual_value", Kind::Number),
    ("foreign_currency", Kind::Flag),
    ("currency", Kind::Text),
    ("owner", Kind::Text),
    ("locale", Kind::Text),
    ("time_zone", Kind::Text),
    ("eligible_for", Kind::List),
    ("attributes", Kind::Map),
];

const EVENT: Fields = &[
    ("event_id", Kind::Text),
    ("type", Kind::Text),
    ("channel", Kind::Text),
    ("actor", Kind::Text),
    ("subject", Kind::Text),
    ("currency", Kind::Text),
    ("text_length", Kind::Number),
    ("amount", Kind::Number),
    ("quantity", Kind::Number),
    ("value", Kind::Number),
    ("ai", Kind::Map),
    ("attributes", Kind::Map),
];

const AI: Fields = &[("confidence", Kind::Number), ("domain", Kind::Text), ("tags", Kind::List)];

const REQUEST: Fields = &[
    ("action", Kind::Text),
    ("percent", Kind::Number),
    ("amount", Kind::Number),
    ("currency", Kind::Text),
    ("changes", Kind::List),
];

const CONVERSATION: Fields = &[("turns", Kind::Number), ("cues", Kind::List), ("stage", Kind::Text)];

/// Texts with few values: a comparison with another is a slip of the pen.
const WORDS: [(&str, &str, &[&str]); 3] = [
    ("event", "channel", &["chat", "email", "phone", "social", "web", "crm", "billing", "usage"]),
    ("event", "actor", &["customer", "ai_agent", "human_agent", "system", ""]),
    ("conversation", "stage", &["observe", "join", "own", ""]),
];

const FUNCTIONS: [&str; 7] = ["size", "contains", "startsWith", "endsWith", "int", "double", "string"];

/// Checks an expression; returns the tiers that it compares `account.tier` with.
pub(crate) fn check(expression: &IdedExpr) -> Result<Vec<Id>, Vec<Fault>> {
    let mut walk = Walk { faults: Vec::new(), tiers: Vec::new(), scope: Vec::new(), loops: 0 };
    let kind = walk.kind(expression);
    if !matches!(kind, Kind::Flag | Kind::Open) {
        walk.fault(format!("it gives {}, neither true nor false", kind.name()), "end it with a comparison");
    }
    if walk.faults.is_empty() { Ok(walk.tiers) } else { Err(walk.faults) }
}

struct Walk<'e> {
    faults: Vec<Fault>,
    tiers: Vec<Id>,
    scope: Vec<&'e str>,
    loops: u32,
}

impl<'e> Walk<'e> {
    fn fault(&mut self, what: impl Into<String>, mend: impl Into<String>) {
        let fault = Fault { what: what.into(), mend: mend.into() };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn kind(&mut self, expression: &'e IdedExpr) -> Kind {
        match &expression.expr {
            Expr::Literal(literal) => literal_kind(literal),
            Expr::Ident(name) => self.ident(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                for element in &list.elements {
                    self.kind(element);
                }
                Kind::List
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.kind(&entry.key);
                        self.kind(&entry.value);
                    }
                }
                Kind::Map
            }
            Expr::Struct(_) | Expr::Unspecified => {
                self.fault("it builds an object", "compare fields instead");
                Kind::Open
            }
        }
    }

    fn ident(&mut self, name: &'e str) -> Kind {
        if self.scope.contains(&name) {
            return Kind::Open;
        }
        let roots = ROOTS.map(|(root, _)| root);
        if roots.contains(&name) {
            self.fault(
                format!("`{name}` alone is no value"),
                format!("name a field, such as `{name}.{}`", example(name)),
            );
        } else {
            self.fault(format!("`{name}` is unknown"), suggestion(name, roots));
        }
        Kind::Open
    }

    fn select(&mut self, select: &'e SelectExpr) -> Kind {
        let kind = match path(&select.operand) {
            Some(operand) if !operand.first().is_some_and(|root| self.scope.contains(root)) => {
                let mut whole = operand;
                whole.push(&select.field);
                self.field(&whole)
            }
            Some(_) => Kind::Open,
            None => {
                self.kind(&select.operand);
                Kind::Open
            }
        };
        if !select.test {
            return kind;
        }
        if matches!(kind, Kind::Text | Kind::List | Kind::Flag) {
            self.fault(
                format!("`has(….{})` always holds", select.field),
                "a missing text is \"\" and a missing list []: compare with that",
            );
        }
        Kind::Flag
    }

    /// Returns the kind of `root.field`, `event.ai.field` or anything below attributes.
    fn field(&mut self, whole: &[&'e str]) -> Kind {
        let (root, fields) = match whole {
            [root, ..] => match ROOTS.iter().find(|(name, _)| name == root) {
                Some(found) => *found,
                None => return self.ident(root),
            },
            [] => return Kind::Open,
        };
        let (within, fields, rest) = match whole {
            ["event", "ai", rest @ ..] if !rest.is_empty() => ("event.ai", AI, rest),
            [_, rest @ ..] => (root, fields, rest),
            [] => return Kind::Open,
        };
        match rest {
            ["attributes", _, ..] => Kind::Open,
            [field] => match fields.iter().find(|(name, _)| name == field) {
                Some((_, kind)) => *kind,
                None => {
                    self.fault(format!("`{within}` has no `{field}`"), suggestion(field, fields.iter().map(|f| f.0)));
                    Kind::Open
                }
            },
            [field, below, ..] => {
                if fields.iter().any(|(name, _)| name == field) {
                    self.fault(format!("`{within}.{field}` has no fields"), format!("take `.{below}` away"));
                } else {
                    self.fault(format!("`{within}` has no `{field}`"), suggestion(field, fields.iter().map(|f| f.0)));
                }
                Kind::Open
            }
            [] => Kind::Open,
        }
    }

    fn call(&mut self, call: &'e CallExpr) -> Kind {
        let target = call.target.as_deref().map(|target| self.kind(target));
        let kinds: Vec<Kind> = call.args.iter().map(|argument| self.kind(argument)).collect();
        match call.func_name.as_str() {
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => {
                if let Some(wrong) = kinds.iter().find(|kind| !matches!(kind, Kind::Flag | Kind::Open)) {
                    self.fault(
                        format!("`&&`, `||` or `!` stands beside {}", wrong.name()),
                        "put comparisons on both sides of it",
                    );
                }
                Kind::Flag
            }
            operators::EQUALS | operators::NOT_EQUALS => {
                self.same_kind(&kinds, "`==` or `!=`");
                self.words(&call.args);
                Kind::Flag
            }
            operators::GREATER | operators::GREATER_EQUALS | operators::LESS | operators::LESS_EQUALS => {
                self.same_kind(&kinds, "`<` or `>`");
                Kind::Flag
            }
            operators::IN => {
                if let [_, Kind::Number | Kind::Text | Kind::Flag] = kinds.as_slice() {
                    self.fault("`in` asks for a list or a map on its right", "write `\"x\" in account.eligible_for`");
                }
                self.members(&call.args);
                Kind::Flag
            }
            operators::CONDITIONAL => kinds.last().copied().unwrap_or(Kind::Open),
            operators::ADD => kinds.first().copied().unwrap_or(Kind::Open),
            operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO | operators::NEGATE => {
                Kind::Number
            }
            operators::INDEX => Kind::Open,
            operators::NOT_STRICTLY_FALSE => Kind::Flag,
            name => self.function(name, target),
        }
    }

    fn function(&mut self, name: &str, target: Option<Kind>) -> Kind {
        if !FUNCTIONS.contains(&name) {
            self.fault(format!("the function `{name}` is unknown"), suggestion(name, FUNCTIONS));
            return Kind::Open;
        }
        match name {
            "size" | "int" | "double" => Kind::Number,
            "string" => Kind::Text,
            _ => {
                if !matches!(target, Some(Kind::Text | Kind::Open)) {
                    self.fault(
                        format!("`{name}` is asked of something that is no text"),
                        format!("write `event.subject.{name}(\"…\")`"),
                    );
                }
                Kind::Flag
            }
        }
    }

    fn same_kind(&mut self, kinds: &[Kind], operator: &str) {
        if let [left, right] = kinds
            && left != right
            && ![left, right].contains(&&Kind::Open)
        {
            self.fault(
                format!("{operator} compares {} with {}", left.name(), right.name()),
                "compare values of one kind; texts stand in quotes, numbers without",
            );
        }
    }

    /// Checks the literal of `event.channel == "chat"`, and keeps that of `account.tier == "…"`.
    fn words(&mut self, sides: &'e [IdedExpr]) {
        let [left, right] = sides else { return };
        for (field, literal) in [(left, right), (right, left)] {
            if let (Some(path), Some(text)) = (path(field), literal_text(literal)) {
                self.word(&path, text);
            }
        }
    }

    /// The same for `account.tier in ["a", "b"]`.
    fn members(&mut self, sides: &'e [IdedExpr]) {
        let [field, IdedExpr { expr: Expr::List(list), .. }] = sides else { return };
        if let Some(path) = path(field) {
            for text in list.elements.iter().filter_map(literal_text) {
                self.word(&path, text);
            }
        }
    }

    fn word(&mut self, path: &[&str], text: &str) {
        let [root, field] = path else { return };
        if (*root, *field) == ("account", "tier") {
            self.tiers.push(Id::from(text));
        }
        for (known_root, known_field, words) in WORDS {
            if (*root, *field) == (known_root, known_field) && !words.contains(&text) {
                let mend = suggestion(text, words.iter().copied().filter(|word| !word.is_empty()));
                self.fault(format!("`{root}.{field}` is never \"{text}\""), mend);
            }
        }
    }

    fn comprehension(&mut self, comprehension: &'e ComprehensionExpr) -> Kind {
        self.kind(&comprehension.iter_range);
        if self.loops > 0 {
            self.fault("a list is gone through within another", "one `exists`, `all`, `filter` or `map` is the most");
            return Kind::Open;
        }
        self.loops += 1;
        let before = self.scope.len();
        self.scope.push(&comprehension.iter_var);
        self.scope.extend(comprehension.iter_var2.as_deref());
        self.scope.push(&comprehension.accu_var);
        let kind = self.kind(&comprehension.accu_init);
        self.kind(&comprehension.loop_cond);
        self.kind(&comprehension.loop_step);
        let result = self.kind(&comprehension.result);
        self.scope.truncate(before);
        self.loops -= 1;
        if result == Kind::Open { kind } else { result }
    }
}

fn literal_kind(literal: &LiteralValue) -> Kind {
    match literal {
        LiteralValue::Boolean(_) => Kind::Flag,
        LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Kind::Number,
        LiteralValue::String(_) => Kind::Text,
        LiteralValue::Bytes(_) | LiteralValue::Null => Kind::Open,
    }
}

pub(crate) fn literal_text(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// Returns `["account", "tier"]` for `account.tier`.
pub(crate) fn path(expression: &IdedExpr) -> Option<Vec<&str>> {
    match &expression.expr {
        Expr::Ident(name) => Some(vec![name]),
        Expr::Select(select) if !select.test => {
            let mut whole = path(&select.operand)?;
            whole.push(&select.field);
            Some(whole)
        }
        _ => None,
    }
}

fn example(root: &str) -> &'static str {
    ROOTS.iter().find(|(name, _)| *name == root).and_then(|(_, fields)| fields.get(2)).map_or("tier", |field| field.0)
}
