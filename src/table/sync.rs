//! The atomics that the table's hand-overs use, behind one name, so that a model checker can stand in for them.

pub(super) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
