//! Behaviour of the unifier through its public parts.

#[cfg(test)]
mod intake;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod resolution;
#[cfg(test)]
mod sequence;
#[cfg(test)]
mod support;
