//! Commands on keys of any type.

use std::io::{self, Write};

use ackd::effect::KeyChange;

use super::held::HeldBack;
use super::words::{command, number};

pub(super) fn print(
    held: &mut HeldBack,
    out: &mut dyn Write,
    (db, key): (usize, &[u8]),
    change: &KeyChange<'_>,
) -> io::Result<()> {
    match *change {
        KeyChange::Delete { .. } => {
            held.drop_key(db, key);
            command(out, &[b"DEL", key])
        }
        KeyChange::Expire { expire_at_ms } => match held.if_far(db, key, expire_at_ms) {
            Some(expiry) => command(out, &[b"PEXPIREAT", key, number(expiry).as_bytes()]),
            // An earlier expiry may be written already. The key must not expire by it before the end of the replay.
            None => command(out, &[b"PERSIST", key]),
        },
        KeyChange::Rename { to } => {
            held.hand_on((db, key), (db, to), true);
            command(out, &[b"RENAME", key, to])
        }
        KeyChange::Copy { to_db, to } => {
            held.hand_on((db, key), (to_db, to), false);
            let to_db = number(to_db as u64);
            command(out, &[b"COPY", key, to, b"DB", to_db.as_bytes(), b"REPLACE"])
        }
        KeyChange::Move { to_db } => {
            held.hand_on((db, key), (to_db, key), true);
            command(out, &[b"MOVE", key, number(to_db as u64).as_bytes()])
        }
    }
}
