//! What the commands on collections share: checking members, picking at random, and going through them by cursor.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{CommandError, ReadCtx, cursors, keys, words};
use crate::glob;
use crate::keyspace::{MEMBER_BYTES_MAX, Value};
use crate::number::parse_u64;
use crate::resp::{Args, Elements, Reply};

/// Elements that a call looks at if it does not say.
const COUNT_DEFAULT: usize = 10;
/// Elements that a call looks at, at most.
const COUNT_MAX: usize = 1_000_000;
/// Bytes of a reply that repeats elements, at most.
const RANDOM_REPLY_BYTES_MAX: usize = 256 << 20;
/// Picks up to which a reply is just tried.
const JUDGED_PICKS: u64 = 10_000;
/// Picks by which the length of more of them is judged.
const SAMPLED_PICKS: u32 = 16;
/// Most distinct places picked in a row that are remembered in a table; more are marked among all places.
const SPARSE_PICKS: u64 = 3;

/// Refuses members, or fields, that are too long to be stored; `what` they are goes into the error.
pub(super) fn check_lengths<'a>(
    mut words: impl Iterator<Item = &'a [u8]>,
    what: &str,
) -> Result<(), CommandError> {
    match words.any(|word| word.len() > MEMBER_BYTES_MAX) {
        true => Err(format!("ERR {what} is too long: {MEMBER_BYTES_MAX} bytes at most").into()),
        false => Ok(()),
    }
}

/// Replies with what `pick` picks and writes, `count` times: a client may ask for one element any number of times. What can
/// hardly fit into a reply is refused before the first one.
pub(super) fn reply_picks(
    count: u64,
    reply: &mut Reply<'_>,
    mut pick: impl FnMut(&mut Reply<'_>) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    const TOO_LONG: CommandError =
        CommandError::Reply(Cow::Borrowed("ERR value is out of range, the reply would be too long"));
    let bytes_max = reply.bytes_max().min(RANDOM_REPLY_BYTES_MAX);
    if count > JUDGED_PICKS {
        let mut shortest_bytes = usize::MAX;
        for _ in 0..SAMPLED_PICKS {
            let mut out = Vec::new();
            pick(&mut Reply::within(&mut out, reply.protocol(), bytes_max))?;
            shortest_bytes = shortest_bytes.min(out.len());
        }
        // Nine picks in ten are as long, or the shortest of them all would hardly be.
        if count.saturating_mul(shortest_bytes as u64) / 10 * 9 > bytes_max as u64 {
            return Err(TOO_LONG);
        }
    }
    let start = reply.len_bytes();
    for _ in 0..count {
        pick(reply)?;
        if reply.is_cut() || reply.len_bytes() - start > bytes_max {
            return Err(TOO_LONG);
        }
    }
    Ok(())
}

/// `count` different places out of `places`, in random order, each as likely as any other. `count` is not above
/// `places`.
pub(super) fn distinct_places(places: u64, count: u64) -> Vec<u64> {
    debug_assert!(count <= places);
    if count >= places / SPARSE_PICKS {
        let mut all: Vec<u64> = (0..places).collect();
        for index in 0..count {
            all.swap(index as usize, rand::random_range(index..places) as usize);
        }
        all.truncate(count as usize);
        return all;
    }
    let (mut seen, mut picked) = (HashSet::new(), Vec::new());
    while (picked.len() as u64) < count {
        let place = rand::random_range(0..places);
        if seen.insert(place) {
            picked.push(place);
        }
    }
    picked
}

/// One call of `SSCAN`, `HSCAN` or `ZSCAN`: goes through the elements in the order of their names, see
/// [`cursors`](super::cursors).
pub(super) struct ElementScan<'a> {
    /// The cursor that the client sent.
    cursor: u64,
    /// What the names start with.
    prefix: Vec<u8>,
    /// What the pattern says after the prefix.
    rest: &'a [u8],
    /// Elements to look at.
    count: usize,
    /// Whether the names alone are wanted: `NOVALUES`.
    pub(super) names_only: bool,
    /// Elements looked at.
    seen: usize,
    /// Name of the last one of them.
    last: Vec<u8>,
    /// Where the next call goes on, if there is more.
    stop: Option<Vec<u8>>,
}

/// What becomes of an element that a scan has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It belongs into the reply.
    Wanted,
    /// It does not.
    PassedOver,
    /// The call ends before it.
    End,
}

impl<'a> ElementScan<'a> {
    /// The cursor that a word spells.
    pub(super) fn cursor(word: &[u8]) -> Result<u64, CommandError> {
        parse_u64(word).ok_or(CommandError::from("ERR invalid cursor"))
    }

    /// The reply of a scan of nothing.
    pub(super) fn reply_nothing(reply: &mut Reply<'_>) {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
    }

    /// Understands `[MATCH pattern] [COUNT count]`, and `[NOVALUES]` of `HSCAN`, behind the cursor, which is word 2.
    pub(super) fn parse(cursor: u64, args: &Args<'a>, of_hash: bool) -> Result<Self, CommandError> {
        let (mut pattern, mut count, mut names_only) = (b"*".as_slice(), COUNT_DEFAULT, false);
        let mut rest = args.from(3);
        while let Some(word) = rest.next() {
            if of_hash && words::is(word, "novalues") {
                names_only = true;
                continue;
            }
            let value = rest.next().ok_or(CommandError::SYNTAX)?;
            if words::is(word, "count") {
                let number = words::integer(value)?;
                if number < 1 {
                    return Err(CommandError::SYNTAX);
                }
                count = usize::try_from(number).unwrap_or(COUNT_MAX).min(COUNT_MAX);
            } else if words::is(word, "match") {
                pattern = value;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        let (prefix, rest) = glob::literal_prefix(pattern);
        Ok(Self { cursor, prefix, rest, count, names_only, seen: 0, last: Vec::new(), stop: None })
    }

    /// Lets the call look at all elements of `value` if they are few: Redis scans what it keeps packed in one call,
    /// whatever `COUNT` says.
    pub(super) fn take_all_of_few(
        &mut self,
        context: &ReadCtx<'_>,
        value: &Value<'_>,
        is_in_cell: bool,
    ) -> Result<(), CommandError> {
        if is_in_cell || keys::is_packed(context.keys.view(), value, &context.limits.encodings)? {
            self.count = COUNT_MAX;
        }
        Ok(())
    }

    /// The name to start from.
    pub(super) fn start(&self) -> Vec<u8> {
        cursors::place_of(self.cursor, &self.prefix)
    }

    /// Looks at the next element.
    pub(super) fn see(&mut self, name: &[u8]) -> Seen {
        if !name.starts_with(&self.prefix) {
            return Seen::End;
        }
        if self.seen >= self.count {
            let place = separator(&self.last, name);
            // A place that is a cursor itself needs no memory: worth up to as many elements again.
            let own = place.len().saturating_sub(self.prefix.len());
            if cursors::is_direct(own) || self.seen >= 2 * self.count {
                self.stop = Some(place.to_vec());
                return Seen::End;
            }
        }
        self.seen += 1;
        self.last.clear();
        self.last.extend_from_slice(name);
        let wanted = self.rest == b"*" || glob::matches(self.rest, &name[self.prefix.len()..]);
        if wanted { Seen::Wanted } else { Seen::PassedOver }
    }

    /// Replies with the next cursor and what was found.
    pub(super) fn reply(self, found: Elements, reply: &mut Reply<'_>) {
        let next = self.stop.map_or(0, |place| cursors::cursor_of(&place, &self.prefix, self.cursor));
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(next).as_bytes());
        found.array(reply);
    }
}

/// The shortest start of `next` that is above `last`.
pub(super) fn separator<'k>(last: &[u8], next: &'k [u8]) -> &'k [u8] {
    debug_assert!(last < next);
    let common = last.iter().zip(next).take_while(|(a, b)| a == b).count();
    &next[..common + 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picked_places_are_different_and_all_are_possible() {
        for (places, count) in [(1, 1), (10, 9), (10, 10), (1000, 5), (1000, 400), (5, 0)] {
            let picked = distinct_places(places, count);
            let distinct: HashSet<u64> = picked.iter().copied().collect();
            assert_eq!((picked.len() as u64, distinct.len() as u64), (count, count));
            assert!(picked.iter().all(|place| *place < places));
        }
        let seen: HashSet<u64> = (0..2000).flat_map(|_| distinct_places(100, 2)).collect();
        assert_eq!(seen.len(), 100);
    }
}
