//! Values in the format of Redis's snapshots (RDB), as pure functions over bytes: what `DUMP` replies and `RESTORE` takes.
//!
//! ```text
//! payload = type u8 | value | version u16 LE | CRC-64 u64 LE of everything before
//! ```
//!
//! [`open`] checks a payload, and [`read_value`] reads the value of a type from an [`Input`]: the same function for a payload
//! and for a key in a snapshot file. It calls a function with the value's [parts](Part), one after the other. So memory is
//! bounded by the bytes that are there, never by the lengths that they announce: `lzf` has the largest factor.
//!
//! Values are written in their oldest, plain forms, which every Redis since 5.0 reads. Only a hash of which a field expires
//! needs Redis 7.4, and a stream needs Redis 7.0 or 7.2 if otherwise something of it would be lost, see [`StreamType`]. Those of
//! all types up to Redis 7.4 are read, except those of modules.
//!
//! Each type has a file of its own; streams are read by [`read_stream`]. What several types are packed in is in `listpack`,
//! `ziplist`, `zipmap` and `intset`.

mod entry;
mod error;
mod hash;
mod input;
mod intset;
mod list;
mod listpack;
mod lzf;
mod output;
mod part;
mod payload;
mod set;
mod sorted_set;
mod stream;
mod stream_id;
mod stream_node;
mod stream_output;
#[cfg(test)]
mod stream_tests;
mod string;
#[cfg(test)]
mod tests;
mod types;
mod value;
mod ziplist;
mod zipmap;

pub use error::RdbError;
pub use hash::{put_expiry, put_timed_hash};
pub use input::Input;
pub use output::{Output, put_length, put_text};
pub use part::Part;
pub use payload::{FOOTER_BYTES, Seal, WrongPayload, open};
pub use sorted_set::put_score;
pub use stream::{Consumer, Group, Pending, Stream, StreamType, read_entries, read_stream};
pub use stream_id::StreamId;
pub use stream_node::{Fields, NodeWriter, SeeFields};
pub use stream_output::{put_consumer, put_group, put_id, put_pending, put_stream};
pub use types::{Kind, TIMED_VERSION, Type, VERSION};
pub use value::read_value;
