//! The protocol from outside: bytes in, bytes out, over real sockets.
//!
//! `bytes` needs an address only; with `ACKD_TEST_ADDRESS=host:port` it talks to the server there instead of one of its
//! own. `behaviour` looks at the server from inside, too.

mod behaviour;
mod bytes;
mod fake;
#[path = "../common/waiting.rs"]
mod waiting;
mod wire;
