//! Behaviour of the policy crate, as cases and properties.

#[cfg(test)]
mod broken;
#[cfg(test)]
mod business_time;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod redaction;
#[cfg(test)]
mod shipped;
