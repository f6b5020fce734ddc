//! The payload of a log record: what one command, or one transaction, changed.
//!
//! A record holds *effects*: results, not commands. Replay reads no clock and uses no random numbers, so it gives the
//! same state wherever it runs: `INCR` is a [`StringChange::Set`] of the result, a relative time to live is an absolute
//! expiry, and a key that expires is a [`KeyChange::Delete`] that says so.
//!
//! ```text
//! payload  = format u8 (1) | command id u16 LE | count varint | effect * count
//!          | format u8 (2) | command id u16 LE | cause | count varint | effect * count
//! cause    = who caused the record: see `cause`; a record that does not say it has format 1
//! effect   = op u8 | db key | fields, as the family of the op has them; changes of databases have no db and key
//! db       = varint        key, to, value = length varint, bytes
//! offset, index, count, first, behind = varint    expiry = u64 LE, milliseconds since 1970
//! score    = see `score`
//! ```
//!
//! One effect holds all members or fields of a command ([`items`](Items)). An effect that removes the last element of a
//! collection is followed by a `Delete` of the key in the same record. So a key ends with a `Delete` (or because
//! another value replaces it) and in no other way.
//!
//! Each family of effects has a file, with its numbers: 01 to 07 are for keys, 08 to 0A for databases, 20 to 2F for
//! strings, 30 to 3F for lists, 40 to 4F for hashes, 50 to 5F for sets, 60 to 6F for sorted sets, 70 to 7F for streams.
//! A varint is a LEB128 of a u64, in its shortest form only, so that a payload has only one encoding and a decoded
//! record encodes to the same bytes.

/// The families of changes of keys: arm of [`Change`], file, type. `families!(use_them! words)` passes the words and
/// the families to the macro `use_them`.
macro_rules! families {
    ($use_them:ident! $($words:tt)*) => {
        $use_them! { $($words)*
            Key keys KeyChange,
            String strings StringChange,
            List lists ListChange,
            Hash hashes HashChange,
            Set sets SetChange,
            SortedSet sorted_sets SortedSetChange,
        }
    };
}

mod cause;
mod change;
mod databases;
mod decode;
mod encode;
mod family;
mod hashes;
mod input;
mod items;
mod keys;
mod limits;
mod lists;
mod score;
mod sets;
mod sink;
mod sorted_sets;
mod strings;
#[cfg(test)]
mod tests;

pub use cause::{Address, CAUSE_TEXT_BYTES_MAX, Cause, Origin, Routine, SCRIPT_BYTES};
pub use change::{Change, Effect};
pub use databases::DatabaseChange;
pub use decode::{Decoded, Effects, cause, decode};
pub use encode::EffectBuffer;
pub use hashes::HashChange;
pub use input::{EffectError, Reason};
pub use items::{Items, ItemsBuffer, ItemsIter};
pub use keys::KeyChange;
pub use limits::{DATABASES_MAX, DRAFTS, KEY_BYTES_MAX, MEMBER_BYTES_MAX, VALUE_BYTES_MAX};
pub use lists::{End, ListChange};
pub use score::{SCORE_BYTES, Score};
pub use sets::SetChange;
pub use sink::Sink;
pub use sorted_sets::{Part, Ranks, SortedSetChange};
pub use strings::{Bits, StringChange};

/// The first byte of a payload without a cause.
pub const FORMAT: u8 = 1;
/// The first byte of a payload with a cause.
pub const FORMAT_CAUSED: u8 = 2;
