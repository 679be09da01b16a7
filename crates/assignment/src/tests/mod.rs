//! Cases as data, and properties.

mod cases;
mod departures;
mod properties;
mod script;
