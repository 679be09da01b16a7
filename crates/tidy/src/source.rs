//! One Rust file: lengths, words that stop a process, exemptions, sleeps, metric names.

use crate::Finding;
use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// How long files and functions may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Lines of a file, before its tests.
    pub file: usize,
    /// Lines of a function.
    pub function: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 400, function: 70 }
    }
}

/// The one file that names metrics.
const METRIC_NAMES: &str = "crates/telemetry/src/names.rs";
/// The one file whose purpose is to wait.
const WAIT: &str = "crates/test-support/src/wait.rs";
const STOPPING_MACROS: [&str; 4] = ["panic", "todo", "unreachable", "unimplemented"];
const STOPPING_METHODS: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "helpers", "manager", "common"];
const METRIC_UNITS: [&str; 6] = ["_total", "_seconds", "_bytes", "_records", "_entries", "_info"];

/// Checks one file. `path` goes from the repository's root.
pub fn check_source(path: &str, text: &str, limits: Limits) -> Vec<Finding> {
    let file = match syn::parse_file(text) {
        Ok(file) => file,
        Err(error) => return vec![Finding::new(path, error.span().start().line, format!("is not Rust: {error}"))],
    };
    let mut check = Check { path, limits, in_test: is_test_file(path), findings: Vec::new() };
    check.name();
    check.length(text, &file);
    check.unfinished(text);
    check.visit_file(&file);
    check.findings
}

fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
}

struct Check<'a> {
    path: &'a str,
    limits: Limits,
    in_test: bool,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn find(&mut self, line: usize, what: impl Into<String>) {
        self.findings.push(Finding::new(self.path, line, what));
    }

    fn name(&mut self) {
        let parts = self.path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
        if let Some(empty) = parts.into_iter().find(|part| EMPTY_NAMES.contains(part) || part.ends_with("_v2")) {
            self.find(1, format!("the name {empty} says nothing about what is in it"));
        }
    }

    fn length(&mut self, text: &str, file: &syn::File) {
        let tests = file.items.iter().find(|item| matches!(item, syn::Item::Mod(m) if is_test(&m.attrs)));
        let lines = tests.map_or(text.lines().count(), |item| item.span().start().line.saturating_sub(1));
        if lines > self.limits.file {
            self.find(lines, format!("{lines} lines before its tests; at most {}", self.limits.file));
        }
    }

    fn unfinished(&mut self, text: &str) {
        // The words are put together here, so that this file does not find itself.
        let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat()];
        for (number, line) in text.lines().enumerate() {
            let comment = line.split_once("//").map_or("", |(_, comment)| comment);
            if marks.iter().any(|mark| comment.contains(mark.as_str())) {
                self.find(number + 1, "unfinished work stands in issues, not in comments");
            }
        }
    }

    fn function(&mut self, name: &syn::Ident, whole: proc_macro2::Span, attributes: &[syn::Attribute]) {
        // The doc comment is part of the span; the screen that a function must fit is its code.
        let start = attributes.iter().map(|a| a.span().end().line + 1).max().unwrap_or(whole.start().line);
        let lines = (whole.end().line + 1).saturating_sub(start);
        if lines > self.limits.function {
            self.find(start, format!("function {name} has {lines} lines; at most {}", self.limits.function));
        }
    }

    fn within(&mut self, attributes: &[syn::Attribute], visit: impl FnOnce(&mut Self)) {
        let outer = self.in_test;
        self.in_test |= is_test(attributes);
        visit(self);
        self.in_test = outer;
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let mut after_dot = false;
        let mut last: Option<proc_macro2::Ident> = None;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if after_dot && !self.in_test && STOPPING_METHODS.contains(&ident.to_string().as_str()) {
                        self.find(ident.span().start().line, format!(".{ident} outside of tests"));
                    }
                    self.sleep(&ident);
                    last = Some(ident);
                    after_dot = false;
                }
                TokenTree::Punct(punct) => {
                    if let (Some(name), '!', false) = (&last, punct.as_char(), self.in_test) {
                        self.stopping_macro(&name.to_string(), name.span().start().line);
                    }
                    after_dot = punct.as_char() == '.';
                    last = None;
                }
                TokenTree::Group(group) => {
                    self.tokens(group.stream());
                    (after_dot, last) = (false, None);
                }
                TokenTree::Literal(literal) => {
                    self.metric_name(&literal.to_string(), literal.span().start().line);
                    (after_dot, last) = (false, None);
                }
            }
        }
    }

    fn stopping_macro(&mut self, name: &str, line: usize) {
        if !self.in_test && STOPPING_MACROS.contains(&name) {
            self.find(line, format!("{name}! outside of tests"));
        }
    }

    fn sleep(&mut self, ident: &proc_macro2::Ident) {
        if self.in_test && self.path != WAIT && (ident == "sleep" || ident == "sleep_ms") {
            self.find(ident.span().start().line, "a sleep in a test; wait for a condition, with a limit");
        }
    }

    fn metric_name(&mut self, literal: &str, line: usize) {
        let prefix = ["baton", "_"].concat();
        let name = literal.trim_matches('"');
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !self.in_test
            && self.path != METRIC_NAMES
            && plain
            && name.starts_with(&prefix)
            && METRIC_UNITS.iter().any(|unit| name.ends_with(unit))
        {
            self.find(line, format!("metric name {name}; all of them stand in {METRIC_NAMES}"));
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.segments.last().is_some_and(|s| s.ident == "test" || s.ident == "bench"),
        // `tokio::test(…)`, and `cfg(test)` but not `cfg(not(test))`.
        syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        syn::Meta::List(list) => list.path.segments.last().is_some_and(|s| s.ident == "test"),
        syn::Meta::NameValue(_) => false,
    })
}

impl<'ast> Visit<'ast> for Check<'_> {
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let path = attribute.path();
        let line = attribute.span().start().line;
        if path.is_ident("allow") || path.is_ident("expect") {
            self.find(line, "a lint exemption; mend the code, or change the rule for all");
        }
        if path.is_ident("ignore") {
            self.find(line, "a test that is never run");
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.within(&item.attrs, |check| visit::visit_item_mod(check, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.within(&item.attrs, |check| visit::visit_item_impl(check, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig.ident, item.span(), &item.attrs);
        self.within(&item.attrs, |check| visit::visit_item_fn(check, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig.ident, item.span(), &item.attrs);
        self.within(&item.attrs, |check| visit::visit_impl_item_fn(check, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig.ident, item.span(), &item.attrs);
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = call.method.to_string();
        if !self.in_test && STOPPING_METHODS.contains(&name.as_str()) {
            self.find(call.method.span().start().line, format!(".{name} outside of tests"));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        if let Some(name) = item.path.segments.last() {
            self.stopping_macro(&name.ident.to_string(), name.ident.span().start().line);
        }
        self.tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_ident(&mut self, ident: &'ast proc_macro2::Ident) {
        self.sleep(ident);
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.metric_name(&literal.value(), literal.span().start().line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check_source(path, text, Limits { file: 6, function: 3 })
            .into_iter()
            .map(|f| format!("{}: {}", f.line, f.what))
            .collect()
    }

    fn check(text: &str, expected: &[&str]) {
        let found = findings("crates/x/src/lib.rs", text);
        assert_eq!(found.len(), expected.len(), "{text}\n{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{text}\n{found} is not {expected}");
        }
    }

    #[test]
    fn words_that_stop_a_process() {
        check("fn f() { x.unwrap(); }", &["1: .unwrap"]);
        check("fn f() { x.expect(\"\"); }", &["1: .expect"]);
        check("fn f() { g(|| y.unwrap_err()) }", &["1: .unwrap_err"]);
        check("fn f() { format!(\"{}\", x.unwrap()); }", &["1: .unwrap"]);
        check(
            "fn f() { todo!() }\nfn g() { unreachable!() }\nfn h() { panic!(\"\") }",
            &["1: todo!", "2: unreachable!", "3: panic!"],
        );
        check("fn f() { vec![panic!()]; }", &["1: panic!"]);
        check("fn f() { x.unwrap_or(1); x.unwrap_or_default(); x.expected(); }", &[]);
        check("#[cfg(test)]\nmod tests { fn f() { x.unwrap(); panic!() } }", &[]);
        check("#[cfg(not(test))]\nmod m { fn f() { x.unwrap(); } }", &["2: .unwrap"]);
        check("#[tokio::test]\nasync fn f() { x.unwrap(); }", &[]);
        check("#[test]\nfn f() {}\nfn g() { x.unwrap(); }", &["3: .unwrap"]);
        assert_eq!(findings("crates/x/tests/a.rs", "fn f() { x.unwrap(); }"), Vec::<String>::new());
    }

    #[test]
    fn lengths() {
        check("fn f() {\n\n}", &[]);
        check("fn f() {\n\n\n}", &["1: function f has 4 lines"]);
        check("/// a\n/// b\n#[x]\nfn f() {\n\n}", &[]);
        check("struct S;\nimpl S {\nfn f() {\n\n\n} }", &["3: function f"]);
        check("trait T {\nfn f() {\n\n\n} }", &["2: function f"]);
        check("\n\n\n\n\n\n", &[]);
        check("\n\n\n\n\n\n\n", &["7: 7 lines"]);
        check("\n\n\n\n\n\n#[cfg(test)]\nmod tests {\n\n\n}", &[]);
        check("\n\n\n\n\n\n\n#[cfg(test)]\nmod tests {\n}", &["7: 7 lines"]);
    }

    #[test]
    fn exemptions_and_tests_that_do_not_run() {
        check("#[allow(dead_code)]\nfn f() {}", &["1: a lint exemption"]);
        check("#![allow(dead_code)]", &["1: a lint exemption"]);
        check("#[expect(dead_code)]\nfn f() {}", &["1: a lint exemption"]);
        check("fn f() {\n#[allow(x)] let y = 1;\n}", &["2: a lint exemption"]);
        check("#[test]\n#[ignore]\nfn f() {}", &["2: a test that is never run"]);
        check("#[test]\n#[ignore = \"slow\"]\nfn f() {}", &["2: a test that is never run"]);
    }

    #[test]
    fn sleeps_in_tests() {
        check("#[test]\nfn f() { std::thread::sleep(x); }", &["2: a sleep"]);
        check("#[cfg(test)]\nmod tests { async fn f() { select!(tokio::time::sleep(x)) } }", &["2: a sleep"]);
        check("fn f() { std::thread::sleep(x); }", &[]);
        assert_eq!(findings("crates/x/tests/a.rs", "fn f() { sleep(x); }").len(), 1);
    }

    #[test]
    fn metric_names_elsewhere() {
        let name = ["baton", "_x_total"].concat();
        check(&format!("const A: &str = \"{name}\";"), &["1: metric name"]);
        check(&format!("fn f() {{ g!(\"{name}\"); }}"), &["1: metric name"]);
        check("const A: &str = \"baton_runtime\";", &[]);
        check(&format!("#[cfg(test)]\nmod tests {{ const A: &str = \"{name}\"; }}"), &[]);
        assert_eq!(findings(METRIC_NAMES, &format!("const A: &str = \"{name}\";")), Vec::<String>::new());
    }

    #[test]
    fn names_and_unfinished_work() {
        assert_eq!(findings("crates/x/src/utils.rs", "").len(), 1);
        assert_eq!(findings("crates/common/src/lib.rs", "").len(), 1);
        assert_eq!(findings("crates/x/src/store_v2.rs", "").len(), 1);
        assert_eq!(findings("crates/x/src/store.rs", ""), Vec::<String>::new());
        check(&format!("// {}: later", ["TO", "DO"].concat()), &["1: unfinished"]);
        check("fn {", &["1: is not Rust"]);
    }
}
