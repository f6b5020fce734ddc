//! Commands on whole databases.

use std::io::{self, Write};

use ackd::effect::DatabaseChange;

use super::Resp;
use super::words::{command, number};

pub(super) fn print(resp: &mut Resp, out: &mut dyn Write, change: &DatabaseChange) -> io::Result<()> {
    match *change {
        DatabaseChange::Flush { db } => {
            resp.select(out, db)?;
            resp.held.clear(db);
            command(out, &[b"FLUSHDB"])
        }
        DatabaseChange::FlushAll => {
            change.all().for_each(|db| resp.held.clear(db));
            command(out, &[b"FLUSHALL"])
        }
        DatabaseChange::Swap { a, b } => {
            resp.held.swap(a, b);
            command(out, &[b"SWAPDB", number(a as u64).as_bytes(), number(b as u64).as_bytes()])
        }
    }
}
