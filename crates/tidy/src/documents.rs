//! Documents name only what is there, and no tracked file names a place of one machine.

use crate::Finding;
use std::collections::BTreeMap;

/// Endings by which a word without a slash is a file.
const FILE_ENDINGS: [&str; 8] = [".rs", ".md", ".toml", ".yaml", ".yml", ".avsc", ".sh", ".proto"];

/// Checks that every path in back-quotes of a Markdown file is there. `exists` tells whether a path from the
/// repository's root is.
pub fn check_paths(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    for (line, quoted) in quoted_words(text) {
        let word = quoted.trim_end_matches('/');
        if !is_path(word) {
            continue;
        }
        let places = [word.to_owned(), format!("{folder}/{word}"), format!("crates/{word}")];
        if !places.iter().any(|place| exists(place)) {
            findings.push(Finding::new(path, line, format!("{quoted} is not there")));
        }
    }
    findings
}

fn quoted_words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut in_block = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            words.extend(line.split('`').skip(1).step_by(2).map(|word| (number + 1, word)));
        }
    }
    words
}

fn is_path(word: &str) -> bool {
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b));
    // A path from the root of a machine or a URL is an endpoint; one that leaves the repository is not ours to check.
    let inside = !word.starts_with('/') && !word.starts_with("..");
    let file =
        word.contains('/') || FILE_ENDINGS.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending));
    plain && inside && file
}

/// Reads the code map of ARCHITECTURE.md: the last column by crate.
pub fn code_map(text: &str) -> BTreeMap<String, String> {
    let map = text.split("\n## ").find(|section| section.starts_with("Code map")).unwrap_or_default();
    let rows = map.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let name = row.split('`').next()?;
        let purity = row.trim_end().trim_end_matches('|').rsplit('|').next()?;
        Some((name.to_owned(), purity.trim().to_owned()))
    })
    .collect()
}

/// Checks that the code map and the folders of `crates/` are the same.
pub fn check_code_map(path: &str, text: &str, folders: &[String]) -> Vec<Finding> {
    let map = code_map(text);
    let gone = map.keys().filter(|name| !folders.contains(name));
    let unnamed = folders.iter().filter(|folder| !map.contains_key(*folder));
    gone.map(|name| Finding::new(path, 1, format!("the code map names {name}, which is not there")))
        .chain(unnamed.map(|name| Finding::new(path, 1, format!("the code map does not name {name}"))))
        .collect()
}

/// Finds paths that hold on one machine only.
pub fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for folder in ["work", "root", "home", "tmp"] {
            let whole = format!("/{folder}");
            let found = line.match_indices(&whole).any(|(at, _)| {
                let before = line.get(..at).and_then(|b| b.chars().next_back());
                let after = line.get(at + whole.len()..).and_then(|a| a.chars().next());
                let starts = before.is_none_or(|c| !c.is_alphanumeric() && !"._-/~$}<>*".contains(c));
                starts && after.is_none_or(|c| !c.is_alphanumeric() && !"_-.".contains(c))
            });
            if found {
                findings.push(Finding::new(path, number + 1, format!("{whole} is a place of one machine")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(text: &str) -> Vec<usize> {
        let there = ["README.md", "docs/a.md", "crates/records/src/lib.rs", "deploy"];
        check_paths("docs/b.md", text, |path| there.contains(&path)).into_iter().map(|f| f.line).collect()
    }

    #[test]
    fn paths_in_documents_are_there() {
        assert_eq!(missing("`README.md` `a.md` `records/src/lib.rs`\n`gone.md`\n`crates/gone/`"), [2, 3]);
        assert_eq!(missing("`/livez` `std::time` `../x/y.md` `crates/*/src` `a b/c` `--x`"), [] as [usize; 0]);
        assert_eq!(missing("```\n`gone.md`\n```\n`gone.md`"), [4]);
    }

    #[test]
    fn the_code_map_is_the_folder() {
        let text = "# A\n\n## Code map\n\n| crate | what | pure |\n|---|---|---|\n| `a` | x | yes |\n| `b` | y | |\n\n## B\n| `c` | z | |\n";
        let folders = ["a".to_owned(), "d".to_owned()];
        let found: Vec<_> = check_code_map("x", text, &folders).into_iter().map(|f| f.what).collect();
        assert_eq!(found, ["the code map names b, which is not there", "the code map does not name d"]);
        assert_eq!(code_map(text)["a"], "yes");
        assert_eq!(code_map(text)["b"], "");
    }

    #[test]
    fn places_of_one_machine_are_found() {
        let found = |text: &str| !machine_paths("x", text).is_empty();
        let on = |folder: &str| format!("/{folder}");
        assert!(found(&format!("see {}/a", on("work"))));
        assert!(found(&format!("\"{}\"", on("tmp"))));
        assert!(found(&format!("DIR={}/x", on("root"))));
        assert!(!found(&format!("frame{}/a", on("work"))));
        assert!(!found(&format!("${{X}}{}/a", on("tmp"))));
        assert!(!found(&format!("{}shop", on("work"))));
    }
}
