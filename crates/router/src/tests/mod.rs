//! Both tasks over topics in memory.

mod way_of_a_handoff;
