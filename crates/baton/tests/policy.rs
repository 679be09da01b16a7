//! `baton policy check`, as a user runs it.

#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/policies");
    ["saas.yaml", "manufacturing.yaml", "bank.yaml"].map(|name| folder.join(name)).to_vec()
}

fn check(arguments: &[&str], files: &[PathBuf]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command.args(["policy", "check"]).args(arguments).args(files).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Puts a policy with two mistakes into a folder.
fn broken(folder: &Path) -> PathBuf {
    let good = std::fs::read_to_string(&shipped()[0]).unwrap();
    let path = folder.join("broken.yaml");
    std::fs::write(&path, format!("{good}\nno_such_key: 1\nno_other_key: 2\n")).unwrap();
    path
}

#[test]
fn the_shipped_policies_are_valid() {
    let output = check(&[], &shipped());
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let lines: Vec<_> = text(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.ends_with(" is valid")), "{lines:?}");
}

#[test]
fn all_problems_are_reported_at_once_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = broken(folder.path());
    let output = check(&[], std::slice::from_ref(&path));
    assert_eq!(output.status.code(), Some(1));
    let out = text(&output.stdout);
    for key in ["no_such_key", "no_other_key"] {
        let line = out.lines().find(|line| line.contains(key)).unwrap();
        let place = line.strip_prefix(&format!("{}:", path.display())).unwrap();
        let mut numbers = place.split(':').take(2).map(|n| n.parse::<usize>().unwrap());
        assert!(numbers.all(|n| n > 0), "{line}");
    }
    assert!(text(&output.stderr).contains("1 of 1 policies cannot be used"), "{}", text(&output.stderr));
}

#[test]
fn json_is_one_object_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = [shipped()[0].clone(), broken(folder.path())];
    let output = check(&["--json"], &files);
    assert_eq!(output.status.code(), Some(1));
    let out = text(&output.stdout);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["valid"].as_bool().unwrap()).collect::<Vec<_>>(), [true, false]);
    assert!(lines[0]["policy_version"].as_str().unwrap().starts_with("saas@"));
    let problem = &lines[1]["problems"][0];
    assert!(problem["line"].is_u64() && problem["column"].is_u64());
    assert!(!problem["mend"].as_str().unwrap().is_empty());
}

#[test]
fn what_is_no_policy_fails_and_wrong_usage_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = folder.path().join("bytes.yaml");
    std::fs::write(&bytes, [0xff, 0xfe]).unwrap();
    let large = folder.path().join("large.yaml");
    std::fs::write(&large, " ".repeat((1 << 20) + 1)).unwrap();
    let status = |files: &[PathBuf]| check(&[], files).status.code();
    assert_eq!(status(&[bytes]), Some(1));
    assert_eq!(status(&[large]), Some(1));
    assert_eq!(status(&["no-such-file.yaml".into()]), Some(1));
    assert_eq!(status(&[]), Some(2));
    assert_eq!(check(&["--help"], &[]).status.code(), Some(0));
}
