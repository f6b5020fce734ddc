//! The part of `src/state` by which readers and writer agree on what is published.

mod model;
#[path = "../../../src/state/publication.rs"]
mod publication;
