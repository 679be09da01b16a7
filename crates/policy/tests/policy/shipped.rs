//! The shipped policies are what they say they are.

use baton_policy::Policy;
use std::path::Path;

/// Parses a policy of the repository.
pub fn shipped(path: &str) -> Policy {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Policy::parse(&text).unwrap_or_else(|problems| {
        panic!("{path}\n{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

#[test]
fn all_parse() {
    for (path, version) in [
        ("deploy/policies/saas.yaml", "saas@1"),
        ("deploy/policies/manufacturing.yaml", "manufacturing@1"),
        ("deploy/policies/bank.yaml", "bank@1"),
        ("benches/policy-bench.yaml", "bench@1"),
    ] {
        assert_eq!(shipped(path).version.to_string(), version);
    }
}
