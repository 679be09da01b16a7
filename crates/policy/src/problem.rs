//! What is wrong with a policy's text, and where.

use std::cell::RefCell;
use std::fmt;

/// A place in the text; both numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// One thing that is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.line, self.column, self.what, self.mend)
    }
}

impl std::error::Error for Problem {}

/// Problems that are reported of one text at most; the rest would bury them.
const MOST_PROBLEMS: usize = 200;

/// Collects problems while reading goes on.
#[derive(Debug, Default)]
pub(crate) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    /// Adds one.
    pub fn add(&self, at: Position, what: impl Into<String>, mend: impl Into<String>) {
        let mut all = self.0.borrow_mut();
        if all.len() < MOST_PROBLEMS {
            all.push(Problem { line: at.line, column: at.column, what: what.into(), mend: mend.into() });
        }
    }

    /// Returns whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Returns them in the order of the text, each once.
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut all = self.0.into_inner();
        all.sort();
        all.dedup();
        all
    }
}

/// Returns the known name that is most like `name`, if one is like it at all.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count() / 3 + 1;
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Returns "write `x`" for the nearest known name, or the list of what is known.
pub(crate) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    if known.is_empty() {
        return "none is defined".to_owned();
    }
    let mut list = known.iter().take(12).map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    if known.len() > 12 {
        list.push_str(", …");
    }
    format!("known are {list}")
}

/// Edits (insert, delete, replace, swap of neighbours) from one text to the other: the optimal string alignment distance.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().take(64).collect();
    let to: Vec<char> = to.chars().take(64).collect();
    let width = to.len() + 1;
    let mut table: Vec<usize> = vec![0; (from.len() + 1) * width];
    let get = |table: &[usize], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            let value = if i == 0 || j == 0 {
                i + j
            } else {
                let same = from.get(i - 1) == to.get(j - 1);
                let mut best = (get(&table, i - 1, j) + 1)
                    .min(get(&table, i, j - 1) + 1)
                    .min(get(&table, i - 1, j - 1) + usize::from(!same));
                if i > 1 && j > 1 && from.get(i - 1) == to.get(j - 2) && from.get(i - 2) == to.get(j - 1) {
                    best = best.min(get(&table, i - 2, j - 2) + 1);
                }
                best
            };
            if let Some(cell) = table.get_mut(i * width + j) {
                *cell = value;
            }
        }
    }
    get(&table, from.len(), to.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (from, to, edits) in
            [("", "", 0), ("a", "", 1), ("team", "taem", 1), ("tier3", "tier", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(from, to), edits, "{from} {to}");
            assert_eq!(distance(to, from), edits, "{to} {from}");
        }
    }

    #[test]
    fn nearest_leaves_strangers_alone() {
        assert_eq!(nearest("cool_donw", ["cool_down", "lateness"]), Some("cool_down"));
        assert_eq!(nearest("xyz", ["cool_down", "lateness"]), None);
    }
}
