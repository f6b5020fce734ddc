//! The part of `src/table` that decides what readers see and which pages are written again.

#[path = "../../../src/table/alloc.rs"]
#[allow(dead_code, reason = "the table itself uses all of it")]
mod alloc;
#[path = "../../../src/table/bitmap.rs"]
#[allow(dead_code, reason = "the table itself uses all of it")]
mod bitmap;
mod model;
#[path = "../../../src/table/root.rs"]
#[allow(dead_code, reason = "the table itself uses all of it")]
mod root;
#[path = "../../../src/table/versions.rs"]
#[allow(dead_code, reason = "the table itself uses all of it")]
mod versions;

/// Few snapshots, so that the ring is short and its slots are soon reused.
const SNAPSHOTS_MAX: usize = 2;
