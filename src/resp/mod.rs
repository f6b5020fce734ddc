//! The Redis protocol as pure functions over bytes: requests in, replies out.
//!
//! Nothing here uses a socket. [`RequestParser`] finds the commands in a client's bytes, [`Args`] are the words of one;
//! [`Reply`] writes replies in the protocol that the client chose.

mod args;
mod error;
mod reply;
mod request;
mod sink;

pub use args::{Args, Span};
pub use error::ProtocolError;
pub use reply::{Elements, Protocol, Reply, reply_bulks};
pub use request::{INPUT_BYTES_MAX, Parsed, RequestLimits, RequestParser};
pub use sink::{PIECE_BYTES_MAX, Sink};
