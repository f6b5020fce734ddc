//! Text for changes of streams.

use std::io::{self, Write};

use ackd::effect::StreamChange;

use super::Text;

/// Which group and consumer, and how far.
pub(super) fn target(text: &Text, out: &mut dyn Write, change: &StreamChange<'_>) -> io::Result<()> {
    if let Some(group) = change.group() {
        write!(out, "  group {}", text.key(group))?;
    }
    if let Some(consumer) = change.consumer() {
        write!(out, "  consumer {}", text.key(consumer))?;
    }
    if let Some(producer) = change.producer() {
        write!(out, "  producer {}", text.key(producer))?;
    }
    match change {
        StreamChange::Add { id, .. } => write!(out, "  {id}"),
        StreamChange::Trim { up_to, count } => write!(out, "  {count} up to {up_to}"),
        StreamChange::SetLast { last, added, max_deleted } => {
            write!(out, "  last {last}  added {added}  deleted up to {max_deleted}")
        }
        StreamChange::CreateGroup { last, read, .. }
        | StreamChange::SetGroup { last, read, .. }
        | StreamChange::Deliver { last, read, .. } => {
            write!(out, "  last {last}")?;
            read.map_or(Ok(()), |read| write!(out, "  read {read}"))
        }
        StreamChange::Remember { id, .. } => write!(out, "  {id}"),
        StreamChange::SetProducers { forgets, duration_s, size_max, added, duplicates } => {
            write!(out, "  {duration_s} s, {size_max} of each  added {added}  duplicates {duplicates}")?;
            if *forgets { write!(out, "  all forgotten") } else { Ok(()) }
        }
        _ => Ok(()),
    }
}
