//! Limits of the configuration for running commands.

use crate::effect::VALUE_BYTES_MAX;

/// Limits of the configuration for commands on data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandLimits {
    /// Number of databases, the configuration's `databases`.
    pub databases: usize,
    /// The longest string value in bytes, the configuration's `proto-max-bulk-len`; at most
    /// [`VALUE_BYTES_MAX`].
    pub value_bytes_max: u64,
    /// Bytes of the reply to one command, the configuration's `reply-bytes-max`.
    pub reply_bytes_max: usize,
    /// Limits up to which Redis would keep collections in compact encodings.
    pub encodings: EncodingLimits,
}

/// Limits up to which Redis keeps a collection in a compact encoding, for `OBJECT ENCODING`: the number of elements, or
/// the bytes of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodingLimits {
    /// Fields of a hash: `hash-max-listpack-entries`.
    pub hash_entries: u64,
    /// Bytes of its fields and values: `hash-max-listpack-value`.
    pub hash_value: u64,
    /// Members of a set of integers: `set-max-intset-entries`.
    pub set_integers: u64,
    /// Members of a set: `set-max-listpack-entries`.
    pub set_entries: u64,
    /// Bytes of its members: `set-max-listpack-value`.
    pub set_value: u64,
    /// Members of a sorted set: `zset-max-listpack-entries`.
    pub zset_entries: u64,
    /// Bytes of its members: `zset-max-listpack-value`.
    pub zset_value: u64,
    /// Elements of a list; a negative number is a class of sizes in bytes: `list-max-listpack-size`.
    pub list_size: i64,
}

impl EncodingLimits {
    /// All limits, in the order of the fields.
    pub fn to_array(self) -> [i64; 8] {
        let counts = [
            self.hash_entries,
            self.hash_value,
            self.set_integers,
            self.set_entries,
            self.set_value,
            self.zset_entries,
            self.zset_value,
        ];
        let [a, b, c, d, e, f, g] = counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        [a, b, c, d, e, f, g, self.list_size]
    }

    /// The inverse of [`EncodingLimits::to_array`]; a negative count becomes 0.
    pub fn from_array([a, b, c, d, e, f, g, list_size]: [i64; 8]) -> Self {
        let [hash_entries, hash_value, set_integers, set_entries, set_value, zset_entries, zset_value] =
            [a, b, c, d, e, f, g].map(|count| count.max(0) as u64);
        Self {
            hash_entries,
            hash_value,
            set_integers,
            set_entries,
            set_value,
            zset_entries,
            zset_value,
            list_size,
        }
    }
}

impl Default for EncodingLimits {
    fn default() -> Self {
        Self {
            hash_entries: 512,
            hash_value: 64,
            set_integers: 512,
            set_entries: 128,
            set_value: 64,
            zset_entries: 128,
            zset_value: 64,
            list_size: -2,
        }
    }
}

impl Default for CommandLimits {
    fn default() -> Self {
        Self {
            databases: 16,
            value_bytes_max: VALUE_BYTES_MAX,
            reply_bytes_max: 1 << 30,
            encodings: EncodingLimits::default(),
        }
    }
}
