//! What a command line needs: files and times of arguments, text that cannot command a terminal, numbers that fit a line.

use anyhow::Context as _;
use baton_records::Timestamp;
use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

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

/// Returns the text without control characters and bidirectional controls, which came from outside and could change
/// what a terminal shows.
pub fn plain(text: &str) -> Cow<'_, str> {
    let bad = |c: char| {
        c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(bad) { Cow::Owned(text.replace(bad, "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// Returns a number with at most four digits behind the point.
pub fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
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
    fn numbers_are_short() {
        let cases =
            [(0.7, "0.7"), (25.0, "25"), (-0.03, "-0.03"), (0.749_99, "0.75"), (-0.000_01, "0"), (100.0, "100")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
