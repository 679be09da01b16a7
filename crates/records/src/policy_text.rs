//! A version of the policy, as `baton.policies` keeps it.

use crate::decode::{FromOutside, decode};
use crate::shape::{Shape, is_id, required};
use crate::{Id, Reason, Rejection};
use serde::{Deserialize, Serialize};

/// A version of the policy; its key is the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyText {
    /// `name@number`.
    pub version: Id,
    /// Its whole text.
    pub text: Id,
}

impl FromOutside for PolicyText {
    const SHAPE: Shape = Shape::Record(&[required("version", Shape::Id), required("text", Shape::Text)]);

    fn is_sound(&self) -> bool {
        is_id(&self.version)
    }

    fn combination(&self) -> Result<(), Rejection> {
        let number = self.version.rsplit_once('@').filter(|(name, _)| !name.is_empty()).map(|(_, number)| number);
        match number.and_then(|number| number.parse::<u64>().ok()) {
            Some(1..) => Ok(()),
            _ => Err(Rejection::new(Reason::InvalidValue, "version")),
        }
    }
}

impl PolicyText {
    /// Reads a version of the policy; its text is not looked into.
    ///
    /// # Errors
    /// A [`Rejection`] with the reason and the field.
    pub fn decode(json: &[u8]) -> Result<Self, Rejection> {
        decode(json)
    }
}
