//! What a command line needs: files and times of arguments, text that cannot command a terminal, numbers that fit a line.

use anyhow::Context as _;
use baton_records::{Priority, Timestamp};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::borrow::Cow;
use std::io::{IsTerminal as _, Read};
use std::path::{Path, PathBuf};

/// Opens a file; `-` is standard input.
///
/// # Errors
/// When it cannot be opened.
pub fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Box::new(file))
}

/// Reads a time of an argument.
///
/// # Errors
/// What it must look like.
pub fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "not a time with an offset, such as 2026-03-02T10:00:00Z".to_owned())
}

/// Makes a bar over the bytes of all files; it shows on a terminal only, and not for standard input.
pub fn progress(files: &[PathBuf]) -> ProgressBar {
    let sizes: Option<Vec<u64>> = files.iter().map(|f| f.metadata().ok().map(|m| m.len())).collect();
    let Some(sizes) = sizes else { return ProgressBar::hidden() };
    let bar = ProgressBar::with_draw_target(Some(sizes.iter().sum()), ProgressDrawTarget::stderr_with_hz(4));
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// Returns the text without control characters and bidirectional controls, which came from outside and could change
/// what a terminal shows.
pub fn plain(text: &str) -> Cow<'_, str> {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(bad) { Cow::Owned(text.replace(bad, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// Returns a number with at most four digits behind the point.
pub fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// Whether output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// It is.
    Colours,
    /// It is not.
    Plain,
}

impl Paint {
    /// Returns colours when standard output is a terminal and `NO_COLOR` is not set.
    pub fn of_output() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stdout().is_terminal() && !unwanted { Self::Colours } else { Self::Plain }
    }

    fn code(self, code: &str, text: &str) -> String {
        match self {
            Self::Colours => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Plain => text.to_owned(),
        }
    }

    /// Makes a text stand out.
    pub fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    /// Makes a text stand back.
    pub fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    /// Makes a text look as urgent as a priority is.
    pub fn urgent(self, priority: Priority, text: &str) -> String {
        let code = match priority {
            Priority::Critical => "1;97;41",
            Priority::High => "1;31",
            Priority::Normal => "1;33",
            Priority::Low => "1;32",
        };
        self.code(code, text)
    }
}

/// Tells whether this error says that nobody reads the output any more.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    kind == Some(std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_command_the_terminal() {
        assert_eq!(plain("evt-1 \u{e9}"), "evt-1 \u{e9}");
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c\n"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}");
    }

    #[test]
    fn only_colours_are_coloured() {
        assert_eq!(Paint::Plain.urgent(Priority::Critical, "x"), "x");
        assert_eq!(Paint::Colours.dim("x"), "\u{1b}[2mx\u{1b}[0m");
    }

    #[test]
    fn numbers_are_short() {
        let cases =
            [(0.7, "0.7"), (25.0, "25"), (-0.03, "-0.03"), (0.749_99, "0.75"), (-0.000_01, "0"), (100.0, "100")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
