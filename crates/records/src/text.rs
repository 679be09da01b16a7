//! Text of people, made fit for people: no control characters, no bidirectional controls, a bounded length.

use std::borrow::Cow;

/// Returns the text without control characters (but line feed and tab) and without bidirectional controls. Borrows when
/// there is nothing to remove.
pub fn printable(text: &str) -> Cow<'_, str> {
    let plain = |b: u8| (0x20..0x7f).contains(&b) || b == b'\n' || b == b'\t';
    if text.bytes().all(plain) || !text.chars().any(is_removed) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|c| !is_removed(*c)).collect())
}

fn is_removed(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the first `chars` characters.
pub fn capped(text: &str, chars: usize) -> &str {
    if text.len() <= chars {
        return text;
    }
    text.char_indices().nth(chars).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_printed_goes() {
        for (given, wanted) in [
            ("plain\n\ttext", "plain\n\ttext"),
            ("be\u{7}ll\u{0}", "bell"),
            ("\u{202e}evil\u{2069}", "evil"),
            ("\u{85}Grüße 日本", "Grüße 日本"),
            ("a\rb\u{7f}", "ab"),
        ] {
            assert_eq!(printable(given), wanted);
        }
        assert!(matches!(printable("Grüße"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_cap_never_splits_a_character() {
        assert_eq!(capped("äöü", 2), "äö");
        assert_eq!(capped("äöü", 3), "äöü");
        assert_eq!(capped("abc", 0), "");
    }
}
