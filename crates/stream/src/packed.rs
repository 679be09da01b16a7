//! Values that are kept as their bytes.

use crate::store::Value;
use std::marker::PhantomData;

/// A value that is kept as its bytes: small in memory, written as it is, for what is read seldom.
#[derive(Debug, Clone)]
pub struct Packed<V> {
    bytes: Box<[u8]>,
    of: PhantomData<fn() -> V>,
}

impl<V: Value> Packed<V> {
    /// Packs a value.
    pub fn new(value: &V) -> Self {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        Self { bytes: bytes.into(), of: PhantomData }
    }

    /// Unpacks it.
    pub fn get(&self) -> Option<V> {
        V::decode(&self.bytes)
    }
}

impl<V: Value> Value for Packed<V> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        // What cannot be unpacked is a corrupt entry now, not a missing one later.
        V::decode(bytes).map(|_| Self { bytes: bytes.into(), of: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_its_value_and_read_back() {
        let packed = Packed::new(&vec![1_u32, 2]);
        let mut bytes = Vec::new();
        packed.encode(&mut bytes);
        assert_eq!(bytes, b"[1,2]");
        assert_eq!(packed.get(), Some(vec![1, 2]));
        assert_eq!(Packed::<Vec<u32>>::decode(&bytes).and_then(|p| p.get()), Some(vec![1, 2]));
        assert!(Packed::<Vec<u32>>::decode(b"[1,").is_none());
    }
}
