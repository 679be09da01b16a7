//! Broken policies and what is said about them. Each file of `cases/broken` begins with the problems that it must give,
//! all of them, in their order.

use baton_policy::Policy;
use std::path::Path;

#[test]
fn problems_are_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/broken");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut differing = 0;
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# problem: ")).collect();
        let problems = Policy::parse(&text).expect_err("a broken policy is refused");
        let got: Vec<String> = problems.iter().map(ToString::to_string).collect();
        if got != expected {
            differing += 1;
            println!("CASE {}", file.file_stem().unwrap().to_string_lossy());
            got.iter().for_each(|problem| println!("GOT {problem}"));
        }
    }
    assert!(files.len() >= 25, "only {} cases", files.len());
    assert_eq!(differing, 0, "cases give other problems than their heads say (see above)");
}
