//! The protocol from outside: bytes in, bytes out, over real sockets.
//!
//! `bytes` needs only an address; with `ACKD_TEST_ADDRESS=host:port` it tests the server there instead of starting one.
//! `behaviour` also looks inside the server.

mod behaviour;
mod bytes;
mod fake;
#[path = "../common/waiting.rs"]
mod waiting;
mod wire;
