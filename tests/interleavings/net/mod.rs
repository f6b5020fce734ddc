//! The part of `src/net` by which a task waits for its socket.

mod model;
#[path = "../../../src/net/ready.rs"]
mod ready;
