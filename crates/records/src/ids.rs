//! Ids that derive from their cause, never from a clock or a random number.

use crate::Id;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Returns the first 16 bytes of SHA-256 over the parts, each preceded by its length, in hexadecimal.
pub fn derived(parts: &[&str]) -> Id {
    Id::from(hexadecimal(&hash128(parts)))
}

/// Returns bytes in lower-case hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push_hexadecimal(bytes, &mut text);
    text
}

/// Appends bytes in lower-case hexadecimal.
pub fn push_hexadecimal(bytes: &[u8], text: &mut String) {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0xf));
    }
}

/// Returns SHA-256 of the bytes in hexadecimal.
pub fn sha256(bytes: &[u8]) -> Id {
    Id::from(hexadecimal(&Sha256::digest(bytes)))
}

/// Returns the first 16 bytes of [`hash256`].
pub fn hash128(parts: &[&str]) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&hash256(parts)[..16]);
    out
}

/// Returns SHA-256 over the parts, each preceded by its length.
pub fn hash256(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Returns `h-<account_id in base64url>-<hash of account, conversation and cause>`. The cause is the event that opened
/// the episode, or `deadline@<ms>` with the detector's name.
pub fn handoff_id(account_id: &str, conversation_id: Option<&str>, cause: &str) -> Id {
    let hash = derived(&[account_id, conversation_id.unwrap_or(""), cause]);
    Id::from(format!("h-{}-{}", URL_SAFE_NO_PAD.encode(account_id), &hash[..16]))
}

/// Returns the account of a handoff id, or none when it is no such id.
pub fn account_of_handoff(handoff_id: &str) -> Option<Id> {
    let (account, hash) = handoff_id.strip_prefix("h-")?.rsplit_once('-')?;
    if hash.len() != 16 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    String::from_utf8(URL_SAFE_NO_PAD.decode(account).ok()?).ok().map(Id::from)
}
