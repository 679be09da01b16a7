//! Walks all cases of `cases/`, each as it stands and with a restart behind every line.

use super::script::{Changelog, Line, Pool, family, written};
use crate::terms::Terms;
use std::fs;
use std::path::Path;

#[derive(Clone, Copy)]
enum Restarts {
    Never,
    AfterEveryLine,
}

fn check(name: &str, text: &str, restarts: Restarts) {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    let head: Vec<Line> = lines.iter().map(|line| Line::parse(line)).collect();
    let [teams, dedicated] = ["team", "dedicated"]
        .map(|verb| head.iter().filter(|line| line.verb == verb).map(Line::team).collect::<Vec<_>>());
    let external: Vec<_> = head.iter().filter(|line| line.verb == "external").map(|line| line.id(0)).collect();
    let mut terms = Terms::of_teams(&teams, &external, &dedicated);
    terms.families = head.iter().filter(|line| line.verb == "family").map(family).collect();
    let mut pool = Pool::new(terms);
    let (mut changelog, mut pending, mut last) = (Changelog::default(), Vec::<String>::new(), "");
    for (text, line) in lines.iter().zip(&head) {
        if line.verb == "=" {
            let expected = text.trim_start_matches('=').trim();
            assert!(!pending.is_empty(), "{name}: behind `{last}` nothing came, but should: {expected}");
            assert_eq!(pending.remove(0), expected, "{name}: behind `{last}`");
            continue;
        }
        assert_eq!(pending, Vec::<String>::new(), "{name}: behind `{last}` came too much");
        let mut out = Vec::new();
        match (line.verb, line.record()) {
            ("clock", _) => (pool.now..line.at).for_each(|_| pool.tick(1, 1, &mut out)),
            ("jump", _) => pool.tick(line.at - pool.now, 0, &mut out),
            (_, Some(record)) => pool.give(record, &mut out),
            (verb, None) => {
                assert!(["team", "external", "dedicated", "family"].contains(&verb), "{name}: no verb {verb}")
            }
        }
        pending = out.iter().map(|(_, result)| written(result)).collect();
        last = text;
        if let Restarts::AfterEveryLine = restarts {
            let (credit, seen) = pool.assign.clock.wall();
            pool.restart(&mut changelog);
            pool.assign.clock.set_wall(credit, seen);
        }
    }
    assert_eq!(pending, Vec::<String>::new(), "{name}: behind `{last}` came too much");
}

#[test]
fn all_cases_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut seen = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let (name, text) = (path.display().to_string(), fs::read_to_string(&path).unwrap());
        check(&name, &text, Restarts::Never);
        check(&name, &text, Restarts::AfterEveryLine);
        seen += 1;
    }
    assert!(seen >= 20, "only {seen} cases were found");
}
