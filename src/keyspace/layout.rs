//! The table's slots, and how long keys may be.

use crate::effect::{self, DATABASES_MAX, DRAFTS, MEMBER_BYTES_MAX};
use crate::table::{self, ROOT_SLOTS};

/// Bytes of an expiry in front of its key.
pub(super) const EXPIRY_BYTES: usize = 8;

/// The longest key, in bytes: with its expiry in front it still fits the table.
pub const KEY_BYTES_MAX: usize = {
    let fitting = table::KEY_BYTES_MAX - EXPIRY_BYTES;
    if fitting < effect::KEY_BYTES_MAX { fitting } else { effect::KEY_BYTES_MAX }
};

// Slots from 112 on are not for databases.
const _: () = assert!(2 * DATABASES_MAX <= FIELD_EXPIRIES_SLOT && FIELD_EXPIRIES_SLOT < ROOT_SLOTS);
// The slots of drafts are behind those.
const _: () = assert!(keys_slot(DRAFTS) > FIELD_EXPIRIES_SLOT && expiries_slot(DRAFTS) < ROOT_SLOTS - 1);
// A member fits the table with an expiry or a score in front of it.
const _: () = assert!(MEMBER_BYTES_MAX + EXPIRY_BYTES <= table::KEY_BYTES_MAX);

/// The slot of a database's keys.
pub const fn keys_slot(db: usize) -> usize {
    2 * db
}

/// The slot of a database's expiry times.
pub const fn expiries_slot(db: usize) -> usize {
    2 * db + 1
}

/// The slot of the trees of field expiry times.
pub(super) const FIELD_EXPIRIES_SLOT: usize = 112;
