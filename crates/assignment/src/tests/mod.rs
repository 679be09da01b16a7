//! Cases as data, and properties.

mod cases;
mod properties;
mod script;
