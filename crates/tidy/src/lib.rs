//! House style as tests: what a reviewer would otherwise have to look for.
//!
//! Each check is a function from texts to [`Finding`]s, shown to fail on a bad example beside it; `tests/repository.rs`
//! runs all of them over the repository. Reading order: `source.rs` (one Rust file), `manifest.rs` (Cargo.toml),
//! `documents.rs` (Markdown, paths of one machine).

mod documents;
mod manifest;
mod source;

pub use documents::{check_code_map, check_paths, code_map, machine_paths};
pub use manifest::{check_member, check_processors, check_root};
pub use source::{Limits, check_source};

/// Something that is not as the house style wants it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the repository's root.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}
