//! Commands on lists. The pivot of an insertion is the first equal element, as in Redis.

use std::io::{self, Write};

use ackd::effect::{End, ListChange};

use super::words::{command, items, number};

pub(super) fn print(out: &mut dyn Write, key: &[u8], change: &ListChange<'_>) -> io::Result<()> {
    match *change {
        ListChange::Push { end, elements } => {
            items(out, &[if end == End::Head { b"LPUSH" } else { b"RPUSH" }, key], elements)
        }
        ListChange::Pop { end, count } => {
            let name = if end == End::Head { b"LPOP" } else { b"RPOP" };
            command(out, &[name, key, number(count).as_bytes()])
        }
        ListChange::Insert { before, pivot_and_element, .. } => {
            let place = if before { b"BEFORE".as_slice() } else { b"AFTER" };
            items(out, &[b"LINSERT", key, place], pivot_and_element)
        }
        ListChange::Remove { end, count, element } => {
            let sign = if end == End::Head { "" } else { "-" };
            items(out, &[b"LREM", key, format!("{sign}{}", number(count)).as_bytes()], element)
        }
        ListChange::Set { index, value } => command(out, &[b"LSET", key, number(index).as_bytes(), value]),
        ListChange::Trim { index, count } => {
            let last = index.saturating_add(count).saturating_sub(1);
            command(out, &[b"LTRIM", key, number(index).as_bytes(), number(last).as_bytes()])
        }
    }
}
