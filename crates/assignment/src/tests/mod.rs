//! Cases as data, and properties.

mod cases;

mod script;
