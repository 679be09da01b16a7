//! The detectors by the shipped policies, over whole logs.

#![cfg(test)]

mod anomalies;
mod silence;
mod support;
mod task;
