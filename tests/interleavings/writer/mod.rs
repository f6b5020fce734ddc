//! The parts of `src/writer` and `src/net` by which threads agree who runs the writer, and who is woken for it.

mod model;
#[path = "../../../src/net/sleep.rs"]
mod sleep;
#[path = "../../../src/writer/station.rs"]
mod station;
