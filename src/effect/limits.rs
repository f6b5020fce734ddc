//! How long and how many may be what records name.

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 65_536;
/// Databases that a record can name: 0 to one less than this.
pub const DATABASES_MAX: usize = 56;
/// The longest string value, in bytes.
pub const VALUE_BYTES_MAX: u64 = 512 << 20;
/// The longest member of a set or sorted set and the longest field of a hash, in bytes: eight bytes that order it by
/// something else fit in front of it.
pub const MEMBER_BYTES_MAX: usize = 65_536;
