//! The part of `src/net` by which a task waits for its socket.

mod model;
#[path = "../../../src/net/socket_state.rs"]
mod socket_state;
