//! The detectors by the shipped policies, over whole logs.

mod anomalies;
mod silence;
mod support;
