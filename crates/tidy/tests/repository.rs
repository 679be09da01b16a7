//! The checks, over this repository.

#![cfg(test)]

use baton_tidy::{
    Finding, Limits, check_code_map, check_member, check_paths, check_processors, check_root, check_source, code_map,
    machine_paths,
};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What no crate of the code map reaches that is pure or knows no clock; the last two hold for pure ones alone.
const BANNED: [&str; 5] = ["rdkafka", "rdkafka-sys", "tokio", "rand", "tracing"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns the files of the repository, from its root: those under version control and those that could be.
fn files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    let files: Vec<_> =
        names.split('\0').filter(|f| !f.is_empty() && root().join(f).is_file()).map(str::to_owned).collect();
    assert!(files.iter().any(|f| f == "Cargo.toml"), "{files:?}");
    files
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_default()
}

fn check(ending: &str, find: impl Fn(&str, &str) -> Vec<Finding>) {
    let files: Vec<_> = files().into_iter().filter(|f| f.ends_with(ending)).collect();
    assert!(!files.is_empty(), "no file ends with {ending}");
    none(files.iter().flat_map(|file| find(file, &read(file))).collect());
}

fn none(findings: Vec<Finding>) {
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

/// Returns the folder of `crates/` whose manifest this is.
fn member(path: &str) -> Option<&str> {
    path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml").filter(|folder| !folder.contains('/'))
}

fn folders() -> Vec<String> {
    files().iter().filter_map(|file| member(file)).map(str::to_owned).collect()
}

#[test]
fn rust_files_keep_to_the_house_style() {
    check(".rs", |path, text| check_source(path, text, Limits::default()));
}

#[test]
fn manifests_keep_versions_in_one_place() {
    check("Cargo.toml", |path, text| match member(path) {
        Some(folder) => check_member(path, folder, text),
        None => check_root(path, text),
    });
}

#[test]
fn processors_do_not_depend_on_each_other() {
    check("Cargo.toml", |path, text| check_processors(path, member(path).unwrap_or_default(), text));
}

#[test]
fn documents_name_what_is_there() {
    check(".md", |path, text| check_paths(path, text, |named| root().join(named).exists()));
}

#[test]
fn the_code_map_names_every_crate() {
    none(check_code_map("ARCHITECTURE.md", &read("ARCHITECTURE.md"), &folders()));
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    check("", machine_paths);
}

#[test]
fn pure_crates_reach_neither_kafka_nor_a_runtime_nor_randomness() {
    let map = code_map(&read("ARCHITECTURE.md"));
    let folders = folders();
    let pure: Vec<_> = map.iter().filter(|(name, purity)| !purity.is_empty() && folders.contains(name)).collect();
    assert!(pure.iter().any(|(name, _)| *name == "records"), "{map:?}");
    for (folder, purity) in pure {
        let manifest = root().join("crates").join(folder).join("Cargo.toml");
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--edges", "normal,build", "--prefix", "none", "--manifest-path"])
            .arg(&manifest)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).unwrap();
        let reached: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(reached.len() > 1, "{folder}: {tree}");
        let banned = if purity == "yes" { &BANNED[..] } else { &BANNED[..3] };
        for name in banned {
            assert!(!reached.contains(name), "{folder} reaches {name}");
        }
    }
}
