//! Sockets: how they are opened, watched, read and written. Nothing here knows what the bytes mean.
//!
//! A [`Listener`] accepts connections; [`Readiness`] tracks which of them can be read or written; a [`Transport`]
//! carries a client's bytes over one.

mod listen;
mod peer;
mod plain;
mod readiness;
mod sleep;
mod socket_state;
mod spares;
mod transport;

pub use listen::{Endpoint, ListenError, Listener};
pub use peer::{ends, is_local, refuse, tune};
pub use plain::{Peeked, Plain, Received};
pub use readiness::{Chores, Readiness, Registration, Stream};
pub use spares::Spares;
pub use transport::Transport;
