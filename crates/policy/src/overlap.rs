//! Authority clauses that overlap: a request that two of them claim would be judged by chance.
//!
//! Whether two expressions can hold together is not decidable in general. Requests and accounts are made up out of the
//! values that the two expressions mention (limits and their neighbours, words that they look for, and none of them), and
//! tried; one that both claim is the example that the problem shows.

use crate::expression::path;
use crate::problem::Position;
use crate::read::Reader;
use crate::{Clause, Condition, Mode, Policy};
use baton_records::{Account, ApprovalRequest, Id};
use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use std::collections::BTreeSet;

/// Made-up cases of a pair at most.
const MOST_CASES: usize = 20_000;
/// Words and numbers that are varied at most.
const MOST_WORDS: usize = 6;

/// Refuses clauses of one action of which a request could match two.
pub(crate) fn check(policy: &Policy, reader: &Reader) {
    let clauses: Vec<&Clause> = policy.approval.clauses.iter().filter(|clause| clause.rule.mode != Mode::Off).collect();
    for (index, second) in clauses.iter().enumerate() {
        for first in clauses.iter().take(index).filter(|first| first.action == second.action) {
            if let Some(example) = witness(policy, first, second) {
                report(reader, reader.place_of_name(&second.rule.name), first, second, &example);
            }
        }
    }
}

fn report(reader: &Reader, at: Position, first: &Clause, second: &Clause, example: &str) {
    reader.problems.add(
        at,
        format!("`{}` and `{}` both claim {example}", first.rule.name, second.rule.name),
        "give them an `applies` each, so that one of them at most holds",
    );
}

/// Returns a request that both clauses claim, in words.
fn witness(policy: &Policy, first: &Clause, second: &Clause) -> Option<String> {
    let conditions: Vec<&Condition> = [&first.applies, &second.applies].into_iter().flatten().collect();
    let mut mentioned = Mentioned::default();
    for program in conditions.iter().filter_map(|condition| condition.program()) {
        mentioned.read(program.expression());
    }
    let space = Space::new(policy, &mentioned, &first.action);
    (0..space.size().min(MOST_CASES))
        .map(|number| space.case(number))
        .find(|case| {
            let variables = policy.variables(&case.account).request(&case.request);
            conditions.iter().all(|condition| condition.holds(&variables).unwrap_or(false))
        })
        .map(|case| case.words(&mentioned))
}

/// What two expressions mention.
#[derive(Debug, Default)]
struct Mentioned {
    numbers: Vec<Decimal>,
    texts: BTreeSet<String>,
    paths: BTreeSet<String>,
}

impl Mentioned {
    fn read(&mut self, expression: &IdedExpr) {
        if let Some(path) = path(expression) {
            self.paths.insert(path.join("."));
            return;
        }
        match &expression.expr {
            Expr::Literal(LiteralValue::String(text)) => {
                self.texts.insert(text.inner().to_owned());
            }
            Expr::Literal(LiteralValue::Int(number)) => self.number(Decimal::from(i64::from(*number))),
            Expr::Literal(LiteralValue::Double(number)) => {
                self.numbers.extend(Decimal::from_f64(f64::from(*number)));
            }
            Expr::Literal(_) | Expr::Ident(_) | Expr::Struct(_) | Expr::Unspecified => {}
            Expr::Select(select) => {
                if let (true, Some(mut whole)) = (select.test, path(&select.operand)) {
                    whole.push(&select.field);
                    self.paths.insert(whole.join("."));
                }
                self.read(&select.operand);
            }
            Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).for_each(|part| self.read(part)),
            Expr::List(list) => list.elements.iter().for_each(|part| self.read(part)),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.read(&entry.key);
                        self.read(&entry.value);
                    }
                }
            }
            Expr::Comprehension(all) => {
                for part in [&all.iter_range, &all.accu_init, &all.loop_cond, &all.loop_step, &all.result] {
                    self.read(part);
                }
            }
        }
    }

    fn number(&mut self, number: Decimal) {
        if !self.numbers.contains(&number) {
            self.numbers.push(number);
        }
    }

    fn names(&self, path: &str) -> bool {
        self.paths.contains(path)
    }
}

/// All made-up cases: one list of values for each field that matters.
struct Space {
    action: Id,
    numbers: Vec<Option<Decimal>>,
    lists: Vec<Vec<Id>>,
    words: Vec<Option<Id>>,
    /// How many values each of [`FIELDS`] takes, and of which list.
    sizes: Vec<usize>,
}

/// The fields that are varied, each with the list that its values come from.
const FIELDS: [(&str, Values); 9] = [
    ("request.changes", Values::Lists),
    ("request.percent", Values::Numbers),
    ("request.amount", Values::Numbers),
    ("request.currency", Values::Words),
    ("account.eligible_for", Values::Lists),
    ("account.annual_value", Values::Numbers),
    ("account.tier", Values::Words),
    ("account.segment", Values::Words),
    ("account.industry", Values::Words),
];

#[derive(Clone, Copy)]
enum Values {
    Numbers,
    Lists,
    Words,
}

struct Case {
    request: ApprovalRequest,
    account: Account,
}

impl Space {
    fn new(policy: &Policy, mentioned: &Mentioned, action: &Id) -> Self {
        let texts: Vec<Id> = mentioned.texts.iter().take(MOST_WORDS).map(|text| Id::from(text.as_str())).collect();
        let mut numbers = vec![None, Some(Decimal::ZERO)];
        let mut limits: Vec<Decimal> = mentioned.numbers.iter().take(MOST_WORDS).copied().collect();
        limits.sort();
        let between = limits.iter().zip(limits.iter().skip(1)).map(|(low, high)| (low + high) / Decimal::TWO);
        let near = limits.iter().flat_map(|limit| [limit - Decimal::ONE, *limit, limit + Decimal::ONE]);
        numbers.extend(near.chain(between).filter(|number| !number.is_sign_negative()).map(Some));
        let mut lists = vec![Vec::new()];
        lists.extend(texts.iter().map(|text| vec![text.clone()]));
        lists.push(vec!["something_else".into()]);
        lists.push(texts.clone());
        let mut words = vec![None, Some(policy.currency.clone())];
        words.extend(texts.iter().cloned().map(Some));
        words.extend(policy.tiers.by_name.keys().take(MOST_WORDS).cloned().map(Some));
        let sizes = FIELDS.iter().map(|(field, values)| match values {
            _ if !mentioned.names(field) => 1,
            Values::Numbers => numbers.len(),
            Values::Lists => lists.len(),
            Values::Words => words.len(),
        });
        let sizes = sizes.collect();
        Self { action: action.clone(), numbers, lists, words, sizes }
    }

    fn size(&self) -> usize {
        self.sizes.iter().fold(1, |product: usize, size| product.saturating_mul(*size))
    }

    /// Returns the case of a number: its digits, in the base of each field's size, pick the values.
    fn case(&self, number: usize) -> Case {
        let mut case = Case {
            request: ApprovalRequest { action: self.action.clone(), ..ApprovalRequest::default() },
            account: Account::unknown("example".into()),
        };
        let mut rest = number;
        for ((field, _), size) in FIELDS.iter().zip(&self.sizes) {
            let digit = rest % size;
            rest /= size;
            let number = || self.numbers.get(digit).copied().flatten();
            let list = || self.lists.get(digit).cloned().unwrap_or_default();
            let word = || self.words.get(digit).cloned().flatten();
            match *field {
                "request.changes" => case.request.changes = list(),
                "request.percent" => case.request.percent = number().and_then(|n| f64::try_from(n).ok()),
                "request.amount" => case.request.amount = number(),
                "request.currency" => case.request.currency = word(),
                "account.eligible_for" => case.account.eligible_for = list(),
                "account.annual_value" => case.account.annual_value = number().unwrap_or_default(),
                "account.tier" => case.account.tier = word(),
                "account.segment" => case.account.segment = word(),
                _ => case.account.industry = word(),
            }
        }
        case
    }
}

impl Case {
    /// Shows the request, and what of the account the clauses ask for.
    fn words(&self, mentioned: &Mentioned) -> String {
        let request = serde_json::to_string(&self.request).unwrap_or_else(|_| self.request.action.to_string());
        let account = &self.account;
        let mut asked = Vec::new();
        let word = |name: &str, value: &Option<Id>| match value {
            Some(value) => format!("{name} `{value}`"),
            None => format!("no {name}"),
        };
        if mentioned.names("account.tier") {
            asked.push(word("tier", &account.tier));
        }
        if mentioned.names("account.segment") {
            asked.push(word("segment", &account.segment));
        }
        if mentioned.names("account.industry") {
            asked.push(word("industry", &account.industry));
        }
        if mentioned.names("account.annual_value") {
            asked.push(format!("annual_value {}", account.annual_value));
        }
        if mentioned.names("account.eligible_for") {
            asked.push(format!("eligible_for [{}]", account.eligible_for.join(", ")));
        }
        if asked.is_empty() {
            format!("the request {request}")
        } else {
            format!("the request {request} of an account with {}", asked.join(", "))
        }
    }
}
