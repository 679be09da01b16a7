//! The jars of Apache Kafka, fetched once by Maven into a cache folder that all tests share.

use crate::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const KAFKA: &str = "4.3.0";
const LOG4J: &str = "2.25.4";

/// Returns the folder of the jars; fetches them when they are not there.
///
/// `BATON_KAFKA_DIR` names the cache; without it, it is `~/.cache/baton/kafka-<version>`.
pub(crate) fn folder() -> Result<PathBuf, Error> {
    let cache = cache(std::env::var_os("BATON_KAFKA_DIR"), std::env::var_os("HOME")).ok_or(Error::NoCache)?;
    fs::create_dir_all(&cache).map_err(Error::io(format!("make {}", cache.display())))?;
    let libs = cache.join("libs");
    // Several test binaries may come here at once; the kernel lets go of the lock however its holder ends.
    let lock_path = cache.join("lock");
    let lock = File::create(&lock_path).map_err(Error::io(format!("make {}", lock_path.display())))?;
    lock.lock().map_err(Error::io(format!("lock {}", lock_path.display())))?;
    if !libs.is_dir() {
        fetch(&cache, &libs)?;
    }
    Ok(libs)
}

fn cache(named: Option<std::ffi::OsString>, home: Option<std::ffi::OsString>) -> Option<PathBuf> {
    let set = |value: &std::ffi::OsString| !value.is_empty();
    named
        .filter(set)
        .map(PathBuf::from)
        .or_else(|| home.filter(set).map(|home| Path::new(&home).join(format!(".cache/baton/kafka-{KAFKA}"))))
}

fn fetch(cache: &Path, libs: &Path) -> Result<(), Error> {
    let pom_path = cache.join("pom.xml");
    fs::write(&pom_path, pom()).map_err(Error::io(format!("write {}", pom_path.display())))?;
    // A fetch that was cut off must not look whole: the folder gets its name when everything is in it.
    let partial = cache.join("libs.partial");
    let _ = fs::remove_dir_all(&partial);
    let output = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", partial.display()))
        .current_dir(cache)
        .stdin(Stdio::null())
        .output()
        .map_err(missing("mvn"))?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        return Err(Error::Jars { folder: cache.to_owned(), output: last_lines(&String::from_utf8_lossy(&text), 8) });
    }
    fs::rename(&partial, libs).map_err(Error::io(format!("rename {}", partial.display())))
}

fn pom() -> String {
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version></dependency>\n"
        )
    };
    let dependencies = [
        dependency("org.apache.kafka", "kafka_2.13", KAFKA),
        dependency("org.apache.kafka", "kafka-tools", KAFKA),
        dependency("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J),
    ]
    .concat();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>baton</groupId>\n  <artifactId>test-broker</artifactId>\n  <version>1</version>\n  \
         <dependencies>\n{dependencies}  </dependencies>\n</project>\n"
    )
}

/// Turns "no such file" of a program into words that tell how to mend it.
pub(crate) fn missing(program: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::MissingProgram { program },
        _ => Error::io(format!("run {program}"))(source),
    }
}

/// Returns the last `count` lines that are not empty, in one line.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_it_is_named_else_at_home() {
        let home = || Some("/users/kim".into());
        assert_eq!(cache(Some("/jars".into()), home()), Some(PathBuf::from("/jars")));
        assert_eq!(cache(Some("".into()), home()), Some(PathBuf::from("/users/kim/.cache/baton/kafka-4.3.0")));
        assert_eq!(cache(None, None), None);
    }

    #[test]
    fn last_lines_are_the_last() {
        assert_eq!(last_lines("a\n\nb\n c \n", 2), "b | c");
        assert_eq!(last_lines("a", 5), "a");
        assert_eq!(last_lines("", 5), "");
    }

    #[test]
    fn a_missing_program_is_named_with_its_mend() {
        let error = missing("mvn")(std::io::Error::from(std::io::ErrorKind::NotFound));
        assert!(error.to_string().contains("mvn is not installed") && error.to_string().contains("apt-get install"));
    }
}
