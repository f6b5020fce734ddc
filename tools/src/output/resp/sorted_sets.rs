//! Commands on sorted sets.

use std::borrow::Cow;
use std::io::{self, Write};

use ackd::effect::SortedSetChange;

use super::words::{command, items};
use crate::output::score;

pub(super) fn print(out: &mut dyn Write, key: &[u8], change: &SortedSetChange<'_>) -> io::Result<()> {
    match *change {
        SortedSetChange::Add { elements } => {
            let scored = elements.pairs().flat_map(|(member, bytes)| [score(bytes), Cow::Borrowed(member)]);
            let scored: Vec<_> = scored.collect();
            let words = [b"ZADD", key].into_iter().chain(scored.iter().map(|word| &**word));
            command(out, &words.collect::<Vec<_>>())
        }
        SortedSetChange::Remove { members } => items(out, &[b"ZREM", key], members),
        // Only drafts are made like this, and those are held back.
        SortedSetChange::CopyOrder { .. } | SortedSetChange::CopyMembers { .. } => Ok(()),
    }
}
