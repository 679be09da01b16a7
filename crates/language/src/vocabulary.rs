//! The words that a grammar knows, by their stems.

/// The number of a word; [`UNKNOWN`] is none of them.
pub(crate) type Word = u16;

/// A word that no grammar names.
pub(crate) const UNKNOWN: Word = 0;

/// From this length on a word with one wrong letter is still recognised.
const TYPO_LENGTH: usize = 7;

/// Words with numbers from 1, found by an open hash table.
#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    stems: Vec<Box<[u8]>>,
    slots: Vec<Word>,
    /// Hashes of long words with one letter left out.
    typos: Vec<(u32, Word)>,
    /// A bit for the high 16 bits of each of those hashes: most words are told apart here.
    sieve: Box<[u64]>,
}

impl Vocabulary {
    pub(crate) fn new() -> Self {
        Self {
            stems: vec![Box::default()],
            slots: vec![UNKNOWN; 1 << 13],
            typos: Vec::new(),
            sieve: vec![0; 1 << 10].into(),
        }
    }

    /// Returns how many numbers there are, that of the unknown word included.
    pub(crate) fn len(&self) -> usize {
        self.stems.len()
    }

    /// Returns the number of a stem and gives it one when it is new; at most 4,095 words, the others are unknown.
    pub(crate) fn intern(&mut self, stem: &[u8]) -> Word {
        let slot = self.slot(stem);
        let Some(found) = self.slots.get_mut(slot) else { return UNKNOWN };
        if *found == UNKNOWN && self.stems.len() < 1 << 12 {
            *found = self.stems.len() as Word;
            self.stems.push(stem.into());
        }
        *found
    }

    /// Makes the index of typing errors; after the last `intern`.
    pub(crate) fn finish(&mut self) {
        self.typos.clear();
        for (number, stem) in self.stems.iter().enumerate() {
            if stem.len() >= TYPO_LENGTH {
                self.typos.push((polynomial(stem), number as Word));
                self.typos.extend(without_one(stem).map(|h| (h, number as Word)));
            }
        }
        self.typos.sort_unstable();
        for (hash, _) in &self.typos {
            let (cell, bit) = sieve_place(*hash);
            if let Some(cell) = self.sieve.get_mut(cell) {
                *cell |= 1 << bit;
            }
        }
    }

    /// Returns the number of a stem, also with one typing error in a long word.
    pub(crate) fn find(&self, stem: &[u8]) -> Word {
        let exact = self.slots.get(self.slot(stem)).copied().unwrap_or(UNKNOWN);
        if exact != UNKNOWN || stem.len() < TYPO_LENGTH { exact } else { self.find_typo(stem) }
    }

    /// Returns the number of a form that stands for itself; grammars write it behind `=`.
    pub(crate) fn find_form(&self, form: &[u8]) -> Word {
        let mask = self.slots.len() - 1;
        let mut slot = form.iter().fold(hash(b"="), hash_on) as usize & mask;
        while let Some(word) = self.slots.get(slot).copied().filter(|word| *word != UNKNOWN) {
            if self
                .stems
                .get(usize::from(word))
                .is_some_and(|s| s.split_first().is_some_and(|(f, s)| *f == b'=' && s == form))
            {
                return word;
            }
            slot = (slot + 1) & mask;
        }
        UNKNOWN
    }

    fn find_typo(&self, stem: &[u8]) -> Word {
        let sieved = |hash: &u32| {
            let (cell, bit) = sieve_place(*hash);
            self.sieve.get(cell).is_some_and(|cell| cell >> bit & 1 == 1)
        };
        std::iter::once(polynomial(stem))
            .chain(without_one(stem))
            .filter(sieved)
            .find_map(|h| {
                let from = self.typos.partition_point(|(other, _)| *other < h);
                self.typos
                    .iter()
                    .skip(from)
                    .take_while(|(other, _)| *other == h)
                    .map(|(_, word)| *word)
                    .find(|word| self.stems.get(usize::from(*word)).is_some_and(|known| is_one_slip(known, stem)))
            })
            .unwrap_or(UNKNOWN)
    }

    fn slot(&self, stem: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash(stem) as usize & mask;
        while let Some(word) = self.slots.get(slot).copied() {
            let known = self.stems.get(usize::from(word)).map_or(&[][..], |s| s);
            if word == UNKNOWN || known == stem {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }
}

/// FNV-1a.
pub(crate) fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(HASH_OF_NOTHING, hash_on)
}

/// What [`hash`] starts with.
pub(crate) const HASH_OF_NOTHING: u32 = 0x811c_9dc5;

/// Takes one more byte into a hash.
pub(crate) fn hash_on(hash: u32, byte: &u8) -> u32 {
    (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
}

/// An odd number, and its inverse modulo 2^32.
const BASE: u32 = 0x9e37_79b1;
const INVERSE: u32 = inverse(BASE);

/// Newton's iteration doubles the bits that are right.
const fn inverse(odd: u32) -> u32 {
    let mut x = odd;
    let mut round = 0;
    while round < 4 {
        x = x.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(x)));
        round += 1;
    }
    x
}

/// A polynomial, whose value without one letter follows from the value with it.
fn polynomial(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |value, byte| polynomial_on(value, *byte))
}

fn polynomial_on(value: u32, byte: u8) -> u32 {
    value.wrapping_mul(BASE).wrapping_add(u32::from(byte))
}

/// Returns the polynomials of a stem without its second letter, its third, and so on.
fn without_one(stem: &[u8]) -> impl Iterator<Item = u32> {
    let full = polynomial(stem);
    let mut prefix = stem.first().map_or(0, |b| u32::from(*b));
    let mut weight = BASE.wrapping_pow((stem.len() as u32).saturating_sub(2));
    stem.iter().skip(1).map(move |byte| {
        let longer = polynomial_on(prefix, *byte);
        let without = full.wrapping_sub(longer.wrapping_sub(prefix).wrapping_mul(weight));
        prefix = longer;
        weight = weight.wrapping_mul(INVERSE);
        without
    })
}

/// Returns the cell of the sieve and the bit in it.
fn sieve_place(hash: u32) -> (usize, u32) {
    ((hash >> 22) as usize, hash >> 16 & 63)
}

/// Tells whether one letter too many, too few, wrong, or two letters swapped lie between the words. First letters are
/// rarely wrong and must agree.
fn is_one_slip(known: &[u8], seen: &[u8]) -> bool {
    if known.first() != seen.first() || known.len().abs_diff(seen.len()) > 1 {
        return false;
    }
    let same = known.iter().zip(seen).take_while(|(a, b)| a == b).count();
    let (a, b) = (known.get(same..).unwrap_or(&[]), seen.get(same..).unwrap_or(&[]));
    match (a, b) {
        ([x, y, a @ ..], [v, w, b @ ..]) if x == w && y == v && a == b => true,
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([_, a @ ..], b) if a == b => true,
        (a, [_, b @ ..]) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_without_a_letter_is_that_of_the_shorter_word() {
        let hashes: Vec<u32> = without_one(b"abcd").collect();
        assert_eq!(hashes, [polynomial(b"acd"), polynomial(b"abd"), polynomial(b"abc")]);
    }

    #[test]
    fn words_are_found_with_one_slip() {
        let mut words = Vocabulary::new();
        let number = words.intern(b"competitor");
        words.finish();
        for text in ["competitor", "competetor", "competitr", "compettitor", "comepetitor", "competiotr"] {
            assert_eq!(words.find(text.as_bytes()), number, "{text}");
        }
        for text in ["compositor2", "competition", "kompetitor", "compete", ""] {
            assert_eq!(words.find(text.as_bytes()), UNKNOWN, "{text}");
        }
    }
}
