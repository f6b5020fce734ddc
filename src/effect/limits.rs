//! Limits on the keys, values and databases in records.

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 65_536;
/// Number of databases that a record can refer to: 0 to one less than this.
pub const DATABASES_MAX: usize = 56;
/// The database of drafts: long results that are being stored in slices. No client can select it.
pub const DRAFTS: usize = 57;
/// The longest string value, in bytes.
pub const VALUE_BYTES_MAX: u64 = 512 << 20;
/// The longest member of a set or sorted set, and the longest field of a hash, in bytes. The table has room for eight
/// more bytes in front of it, such as an expiry or a score.
pub const MEMBER_BYTES_MAX: usize = 65_536;

/// Whether a record can refer to this database.
pub(super) const fn is_database(db: u64) -> bool {
    db < DATABASES_MAX as u64 || db == DRAFTS as u64
}
