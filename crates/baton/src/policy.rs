//! `baton policy check`: everything that is wrong with a policy, at once, with line, column and mend.

use crate::terminal::plain;
use anyhow::Context as _;
use baton_policy::{Policy, Problem};
use baton_service::ClusterArgs;
use baton_service::policies::{self, Activation};
use clap::Subcommand;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

/// A policy's text is at most this long.
const MAX_BYTES: u64 = 1024 * 1024;

const CHECK_EXAMPLES: &str = "\
Examples:
  baton policy check deploy/policies/saas.yaml
  baton policy check --json deploy/policies/*.yaml";

/// What to do with a policy.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Reports everything that is wrong with policy files, and how to mend it
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Puts a policy in force
    #[command(after_help = "Example: baton policy activate --brokers 127.0.0.1:9092 deploy/policies/saas.yaml")]
    Activate(ActivateArgs),
    /// Lists the policies that were put in force
    #[command(after_help = "Example: baton policy list --brokers 127.0.0.1:9092")]
    List(ListArgs),
}

/// Arguments of `policy activate`.
#[derive(Debug, clap::Args)]
pub struct ActivateArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The policy file (YAML)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A JSON object instead of a line
    #[arg(long)]
    json: bool,
}

/// Arguments of `policy list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// One JSON object a policy
    #[arg(long)]
    json: bool,
}

/// Arguments of `policy check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Policy files (YAML)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object a file
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// When a file cannot be read, or a policy is wrong.
pub fn run(command: &PolicyCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        PolicyCommand::Check(args) => check(args, out),
        PolicyCommand::Activate(args) => activate(args, out),
        PolicyCommand::List(args) => list(args, out),
    }
}

fn activate(args: &ActivateArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let (version, done) = match policies::activate(&args.cluster.config()?, &args.file)? {
        Activation::Done(version) => (version, true),
        Activation::Unchanged { newest } => (newest, false),
    };
    if args.json {
        writeln!(out, "{}", serde_json::json!({ "in_force": version.to_string(), "changed": done }))?;
    } else if done {
        writeln!(out, "{version} is in force from now on")?;
    } else {
        writeln!(out, "nothing changed: {version} is in force, and the file's version is no newer")?;
    }
    Ok(())
}

fn list(args: &ListArgs, out: &mut impl Write) -> anyhow::Result<()> {
    for known in policies::list(&args.cluster.config()?)? {
        if args.json {
            let line =
                serde_json::json!({ "version": known.version.to_string(), "at": known.at, "bytes": known.text.len() });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{}  {}", known.at, known.version)?;
        }
    }
    Ok(())
}

fn check(args: &CheckArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let mut wrong = 0;
    for path in &args.files {
        let checked = Policy::parse(&read(path)?);
        wrong += usize::from(checked.is_err());
        if args.json {
            writeln!(out, "{}", as_json(path, &checked))?;
        } else {
            print(path, &checked, out)?;
        }
    }
    anyhow::ensure!(wrong == 0, "{wrong} of {} policies cannot be used", args.files.len());
    Ok(())
}

/// Reads a policy's text.
///
/// # Errors
/// When the file cannot be read, is too long, or is not UTF-8.
pub fn read(path: &Path) -> anyhow::Result<String> {
    let name = || path.display().to_string();
    let file = std::fs::File::open(path).with_context(name)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).with_context(name)?;
    anyhow::ensure!(bytes.len() as u64 <= MAX_BYTES, "{}: longer than 1 MiB, which no policy is", name());
    String::from_utf8(bytes).with_context(name)
}

fn print(path: &Path, checked: &Result<Policy, Vec<Problem>>, out: &mut impl Write) -> anyhow::Result<()> {
    match checked {
        Ok(policy) => {
            let version = &policy.version;
            writeln!(out, "{}: {}@{} is valid", path.display(), plain(&version.name), version.number)?;
        }
        Err(problems) => {
            for problem in problems {
                // A problem quotes the file, which may have come from anywhere.
                writeln!(out, "{}:{}", path.display(), plain(&problem.to_string()))?;
            }
        }
    }
    Ok(())
}

fn as_json(path: &Path, checked: &Result<Policy, Vec<Problem>>) -> serde_json::Value {
    let file = path.display().to_string();
    match checked {
        Ok(policy) => {
            let version = format!("{}@{}", policy.version.name, policy.version.number);
            serde_json::json!({"file": file, "valid": true, "policy_version": version, "problems": []})
        }
        Err(problems) => {
            let one =
                |p: &Problem| serde_json::json!({"line": p.line, "column": p.column, "what": p.what, "mend": p.mend});
            let problems: Vec<_> = problems.iter().map(one).collect();
            serde_json::json!({"file": file, "valid": false, "policy_version": null, "problems": problems})
        }
    }
}
