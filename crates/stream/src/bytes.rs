//! Numbers, bytes and texts as they stand in keys, packed values and batches.

/// Appends bytes, preceded by their length in four bytes.
pub fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Takes bytes off the front.
pub fn take_bytes<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = from.split_first_chunk::<4>()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *from = rest;
    Some(bytes)
}

/// Takes a text off the front; it was put there as bytes.
pub fn take_text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_bytes(from)?).ok()
}

/// Appends a number.
pub fn put_number(number: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_be_bytes());
}

/// Takes a number off the front.
pub fn take_number(from: &mut &[u8]) -> Option<i64> {
    let (number, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(i64::from_be_bytes(*number))
}
