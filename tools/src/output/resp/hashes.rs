//! Commands on hashes.

use std::io::{self, Write};

use ackd::effect::{HashChange, Items, ItemsBuffer};

use super::held::HeldBack;
use super::words::{items, number};

pub(super) fn print(
    held: &mut HeldBack,
    out: &mut dyn Write,
    (db, key): (usize, &[u8]),
    change: &HashChange<'_>,
) -> io::Result<()> {
    match *change {
        HashChange::Set { pairs, expire_at_ms } => {
            items(out, &[b"HSET", key], pairs)?;
            let fields: ItemsBuffer = pairs.pairs().map(|(field, _)| field).collect();
            match held.fields_if_far(db, key, fields.items(), expire_at_ms) {
                Some(expiry) => expire_fields(out, key, fields.items(), expiry),
                None => Ok(()),
            }
        }
        HashChange::Delete { fields, .. } => {
            held.fields_if_far(db, key, fields, None);
            items(out, &[b"HDEL", key], fields)
        }
        HashChange::Expire { fields, expire_at_ms } => {
            match held.fields_if_far(db, key, fields, expire_at_ms) {
                Some(expiry) => expire_fields(out, key, fields, expiry),
                None => {
                    let count = number(fields.len());
                    items(out, &[b"HPERSIST", key, b"FIELDS", count.as_bytes()], fields)
                }
            }
        }
    }
}

/// Gives fields of a hash an expiry.
pub(super) fn expire_fields(
    out: &mut dyn Write,
    key: &[u8],
    fields: Items<'_>,
    expiry: u64,
) -> io::Result<()> {
    let (expiry, count) = (number(expiry), number(fields.len()));
    items(out, &[b"HPEXPIREAT", key, expiry.as_bytes(), b"FIELDS", count.as_bytes()], fields)
}
