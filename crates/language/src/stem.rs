//! A light stemmer: words of one family get one form. It is applied to the grammar and to the text alike, so that its
//! forms need not be words.

/// Shortens `word` (lower case, folded) in place to its stem.
pub(crate) fn stem(word: &mut Vec<u8>) {
    // They mean something else than what they are made of.
    if matches!(word.as_slice(), b"hardly" | b"lately" | b"directly") {
        return;
    }
    strip_plural(word);
    if !strip_suffix(word, b"ing") {
        strip_suffix(word, b"ed");
    }
    if word.len() >= 6 && word.ends_with(b"ll") {
        word.pop();
    }
    if word.len() >= 6 && word.ends_with(b"ly") {
        word.truncate(word.len() - 2);
    }
    if word.len() >= 5 && word.last() == Some(&b'e') {
        word.pop();
    }
    if word.len() >= 4 && word.last() == Some(&b'y') {
        word.pop();
        word.push(b'i');
    }
}

fn strip_plural(word: &mut Vec<u8>) {
    let length = word.len();
    if length >= 5 && word.ends_with(b"ies") {
        word.truncate(length - 3);
        word.push(b'y');
    } else if length >= 5
        && (word.ends_with(b"sses") || word.ends_with(b"xes") || word.ends_with(b"ches") || word.ends_with(b"shes"))
    {
        word.truncate(length - 2);
    } else if length >= 4
        && word.ends_with(b"s")
        && !word.ends_with(b"ss")
        && !word.ends_with(b"us")
        && !word.ends_with(b"is")
    {
        word.pop();
    }
}

/// Takes `ing` or `ed` off where a stem with a vowel and three letters remains, and undoubles its last consonant.
fn strip_suffix(word: &mut Vec<u8>, suffix: &[u8]) -> bool {
    let Some(kept) = word.len().checked_sub(suffix.len()) else { return false };
    let has_vowel = word.iter().take(kept).any(|b| matches!(b, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'));
    if kept < 3 || !word.ends_with(suffix) || !has_vowel {
        return false;
    }
    word.truncate(kept);
    if let [.., a, b] = word.as_slice()
        && a == b
        && !matches!(b, b'l' | b's' | b'z' | b'e' | b'o')
    {
        word.pop();
    }
    true
}

#[cfg(test)]
mod tests {
    fn stem(word: &str) -> String {
        let mut bytes = word.as_bytes().to_vec();
        super::stem(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn families_share_a_stem() {
        for family in [
            &["complicate", "complicated", "complicates", "complicating"][..],
            &["company", "companies"],
            &["stop", "stops", "stopped", "stopping"],
            &["price", "prices", "pricing"],
            &["cancel", "cancelling", "canceled", "cancelled"],
            &["install", "installing", "installed"],
            &["crash", "crashes", "crashed"],
        ] {
            let first = stem(family[0]);
            for word in family {
                assert!(stem(word) == first, "{word}: {} is not {first}", stem(word));
            }
        }
        assert_eq!(stem("thing"), "thing");
        assert_eq!(stem("need"), "need");
    }
}
