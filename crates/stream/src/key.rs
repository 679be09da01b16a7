//! Keys of tables and their byte forms.

use crate::bytes::{put_bytes, take_text};
use baton_records::{Id, Timestamp};

/// A key of a table: its byte form is unique for each key.
pub trait Key: Ord + Clone + Send {
    /// Appends the byte form.
    fn encode(&self, out: &mut Vec<u8>);
    /// Takes the byte form off the front of `bytes`.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;
}

impl Key for Id {
    fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        take_text(bytes).map(Id::from)
    }
}

macro_rules! number_keys {
    ($($number:ty),*) => {$(
        impl Key for $number {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                let (number, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(Self::from_be_bytes(*number))
            }
        }
    )*};
}

number_keys!(u8, u32, u64, i32, i64);

impl Key for Timestamp {
    fn encode(&self, out: &mut Vec<u8>) {
        Key::encode(&self.millis(), out);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        <i64 as Key>::decode(bytes).map(Self::from_millis)
    }
}

impl<const N: usize> Key for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (array, rest) = bytes.split_first_chunk::<N>()?;
        *bytes = rest;
        Some(*array)
    }
}

impl Key for () {
    fn encode(&self, _out: &mut Vec<u8>) {}

    fn decode(_bytes: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

macro_rules! tuple_keys {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Key),*> Key for ($($name,)*) {
            fn encode(&self, out: &mut Vec<u8>) {
                $(self.$index.encode(out);)*
            }

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                Some(($($name::decode(bytes)?,)*))
            }
        }
    };
}

tuple_keys!(A 0, B 1);
tuple_keys!(A 0, B 1, C 2);
tuple_keys!(A 0, B 1, C 2, D 3);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn returns<K: Key + std::fmt::Debug>(key: K) {
        let mut bytes = Vec::new();
        key.encode(&mut bytes);
        let mut rest = bytes.as_slice();
        assert_eq!(K::decode(&mut rest), Some(key));
        assert!(rest.is_empty());
    }

    proptest! {
        #[test]
        fn keys_come_back(text in ".*", number: u64, signed: i64, bytes: [u8; 16]) {
            let moment = Timestamp::from_millis(signed);
            returns(());
            returns((Id::from(text.as_str()), number));
            returns((signed, bytes, Id::from(text.as_str())));
            returns((moment, Id::from(text), signed as i32, number as u8));
        }

        #[test]
        fn keys_differ_when_what_they_are_made_of_differs(a in ".{0,6}", b in ".{0,6}", c in ".{0,6}", d in ".{0,6}") {
            let bytes = |one: &str, two: &str| {
                let mut out = Vec::new();
                Key::encode(&(Id::from(one), Id::from(two)), &mut out);
                out
            };
            prop_assert_eq!(bytes(&a, &b) == bytes(&c, &d), (&a, &b) == (&c, &d));
        }
    }
}
