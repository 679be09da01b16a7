//! What can be checked of the files for users without a container engine.

#![cfg(test)]

use saphyr::{LoadableYamlNode, Yaml};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn load(text: &str) -> Yaml<'_> {
    let mut documents = Yaml::load_from_str(text).unwrap();
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

fn services<'a>(compose: &'a Yaml<'a>) -> Vec<(&'a str, &'a Yaml<'a>)> {
    let services = compose.as_mapping_get("services").unwrap().as_mapping().unwrap();
    services.iter().map(|(name, service)| (name.as_str().unwrap(), service)).collect()
}

fn words<'a>(service: &'a Yaml<'a>, key: &str) -> Vec<&'a str> {
    let list = service.as_mapping_get(key).and_then(|list| list.as_sequence());
    list.into_iter().flatten().map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn compose_names_services_volumes_and_files_that_are_there() {
    let text = read("docker-compose.yml");
    let compose = load(&text);
    let services = services(&compose);
    for (name, service) in &services {
        for (needed, _) in service.as_mapping_get("depends_on").and_then(|d| d.as_mapping()).into_iter().flatten() {
            let needed = needed.as_str().unwrap();
            assert!(services.iter().any(|(other, _)| *other == needed), "{name} depends on {needed}");
        }
        for volume in words(service, "volumes") {
            let place = volume.split(':').next().unwrap();
            let named = compose.as_mapping_get("volumes").unwrap().as_mapping_get(place).is_some();
            assert!(named || root().join(place).exists(), "{name} mounts {place}");
        }
        assert!(service.as_mapping_get("image").is_some() || service.as_mapping_get("<<").is_some(), "{name}");
    }
}

#[test]
fn compose_runs_each_processor_once_and_prometheus_scrapes_it() {
    let text = read("docker-compose.yml");
    let compose = load(&text);
    let services = services(&compose);
    let run: Vec<_> =
        services.iter().map(|(_, service)| words(service, "command")).filter(|w| w.first() == Some(&"run")).collect();
    let processors: Vec<_> = run.iter().map(|words| words[1]).collect();
    assert_eq!(processors, ["context-unifier", "sentiment-scorer", "anomaly-detector", "router"]);
    let ports: Vec<_> = run.iter().map(|words| words.last().unwrap().rsplit(':').next().unwrap()).collect();
    let text = read("deploy/prometheus.yml");
    let prometheus = load(&text);
    let job = &prometheus.as_mapping_get("scrape_configs").unwrap().as_sequence().unwrap()[0];
    let targets = words(&job.as_mapping_get("static_configs").unwrap().as_sequence().unwrap()[0], "targets");
    let expected: Vec<_> = processors.iter().zip(ports).map(|(name, port)| format!("{name}:{port}")).collect();
    assert_eq!(targets, expected);
}
