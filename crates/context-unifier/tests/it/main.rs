//! Behaviour of the unifier through its public parts.

mod intake;
mod properties;
mod resolution;
mod sequence;
mod support;
