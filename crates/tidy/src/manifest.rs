//! Cargo manifests: versions in one place, a reason for each, who may name whom.

use crate::Finding;

/// Crates that may name the Kafka client: the runtime, and what only tests link.
const KAFKA_CRATES: [&str; 2] = ["runtime", "test-support"];
const KAFKA_CLIENT: [&str; 2] = ["rdkafka", "rdkafka-sys"];
const PROCESSORS: [&str; 4] = ["context-unifier", "sentiment-scorer", "anomaly-detector", "router"];
/// What a crate that states its lints itself, because it must call C, denies all the same.
const OWN_LINTS: [&str; 6] =
    ["unwrap_used", "expect_used", "panic", "dbg_macro", "print_stderr", "undocumented_unsafe_blocks"];

/// Gives the dependencies of a manifest: section, name, the rest of the line, line number.
fn dependencies(text: &str) -> impl Iterator<Item = (&str, &str, &str, usize)> {
    let mut section = "";
    text.lines().enumerate().filter_map(move |(number, line)| {
        if let Some(name) = line.trim().strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name;
            return None;
        }
        let (name, rest) = line.split_once('=')?;
        let name = name.trim().trim_matches('"');
        let name = name.split('.').next().unwrap_or(name);
        (section.ends_with("dependencies") && !name.starts_with('#')).then_some((section, name, rest, number + 1))
    })
}

/// Checks the root manifest: a comment says why each dependency is there, and none comes from a repository.
pub fn check_root(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, name, rest, line) in dependencies(text) {
        if rest.contains("git =") || rest.contains("git=") {
            findings.push(Finding::new(path, line, format!("{name} comes from a repository, which may change or go")));
        }
        let why = rest.split_once('#').map_or("", |(_, why)| why.trim());
        if !rest.contains("path =") && why.is_empty() {
            findings.push(Finding::new(path, line, format!("nothing says why {name} is there")));
        }
    }
    findings
}

/// Checks the manifest of the crate in `crates/<folder>`: versions and lints come from the root, and only those name the
/// Kafka client that may.
pub fn check_member(path: &str, folder: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, name, _, line) in dependencies(text) {
        let whole = text.lines().nth(line - 1).unwrap_or_default();
        if !whole.contains("workspace = true") {
            findings.push(Finding::new(path, line, format!("{name}: the version belongs in the root manifest")));
        }
        if KAFKA_CLIENT.contains(&name) && !KAFKA_CRATES.contains(&folder) {
            findings.push(Finding::new(path, line, format!("{name}: only {} may name it", KAFKA_CRATES.join(" and "))));
        }
    }
    let own = OWN_LINTS.iter().all(|lint| text.contains(&format!("\n{lint} = \"deny\"\n")));
    if !text.contains("[lints]\nworkspace = true") && !own {
        findings.push(Finding::new(path, 1, "neither the workspace's lints nor at least its denials are taken"));
    }
    findings
}

/// Checks that a processor's crate depends on no other processor.
pub fn check_processors(path: &str, folder: &str, text: &str) -> Vec<Finding> {
    if !PROCESSORS.contains(&folder) {
        return Vec::new();
    }
    dependencies(text)
        .filter(|(_, name, _, _)| {
            let name = name.strip_prefix("baton-").unwrap_or(name);
            name != folder && (PROCESSORS.contains(&name) || name == "pipeline")
        })
        .map(|(_, name, _, line)| Finding::new(path, line, format!("processor {folder} depends on {name}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(findings: Vec<Finding>) -> Vec<usize> {
        findings.into_iter().map(|f| f.line).collect()
    }

    #[test]
    fn each_dependency_has_a_reason_and_a_release() {
        let text = "[package]\nname = \"x\"\n[workspace.dependencies]\na = \"1\" # why\nb = \"1\"\nc = { path = \"c\" }\n\
                    d = { git = \"x\" } # why\ne = \"1\" #\n# f = \"1\"\n[profile.dev]\ndebug = 1\n";
        assert_eq!(lines(check_root("Cargo.toml", text)), [5, 7, 8]);
    }

    #[test]
    fn versions_and_lints_come_from_the_root() {
        let text =
            "[dependencies]\na.workspace = true\nb = \"1\"\nc = { workspace = true }\n[lints]\nworkspace = true\n";
        assert_eq!(lines(check_member("x", "x", text)), [3]);
        assert_eq!(lines(check_member("x", "x", "[dev-dependencies]\nb = \"1\"\n")), [2, 1]);
        let own: String = OWN_LINTS.iter().map(|lint| format!("{lint} = \"deny\"\n")).collect();
        assert_eq!(lines(check_member("x", "x", &format!("[lints.clippy]\n{own}"))), [] as [usize; 0]);
        let weaker = own.replace("panic = \"deny\"\n", "");
        assert_eq!(lines(check_member("x", "x", &format!("[lints.clippy]\n{weaker}"))), [1]);
    }

    #[test]
    fn only_the_runtime_and_test_support_name_kafka() {
        let text = "[dependencies]\nrdkafka.workspace = true\n[lints]\nworkspace = true\n";
        assert_eq!(lines(check_member("x", "router", text)), [2]);
        assert_eq!(lines(check_member("x", "runtime", text)), [] as [usize; 0]);
        let dev = "[dev-dependencies]\nrdkafka-sys = { workspace = true }\n[lints]\nworkspace = true\n";
        assert_eq!(lines(check_member("x", "handoff", dev)), [2]);
    }

    #[test]
    fn processors_stand_alone() {
        let text = "[dependencies]\nbaton-router.workspace = true\nbaton-handoff.workspace = true\n\
                    [dev-dependencies]\ncontext-unifier.workspace = true\nbaton-pipeline.workspace = true\n";
        assert_eq!(lines(check_processors("x", "sentiment-scorer", text)), [2, 5, 6]);
        assert_eq!(lines(check_processors("x", "router", text)), [5, 6]);
        assert_eq!(lines(check_processors("x", "pipeline", text)), [] as [usize; 0]);
    }
}
