//! The part of `src/connection` by which a task waits for its socket.

mod model;
#[path = "../../../src/connection/ready.rs"]
mod ready;
