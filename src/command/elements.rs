//! What the commands on collections share: length checks, random picks, and scans with cursors.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{CommandError, ReadCtx, cursors, keys, words};
use crate::glob;
use crate::keyspace::{MEMBER_BYTES_MAX, Value};
use crate::number::parse_u64;
use crate::resp::{Args, Elements, Reply};
use crate::table::View;

/// Elements that a call visits if it has no `COUNT`.
const COUNT_DEFAULT: usize = 10;
/// The most elements that a call visits.
const COUNT_MAX: usize = 1_000_000;
/// The most bytes of a reply that repeats elements.
const RANDOM_REPLY_BYTES_MAX: usize = 256 << 20;
/// The same for a reply that is sent while it is made.
const STREAMED_RANDOM_REPLY_BYTES_MAX: usize = 16 << 30;
/// Up to this many picks, a reply is written without an estimate of its length.
const JUDGED_PICKS: u64 = 10_000;
/// Picks on which the estimate for a longer reply is based.
const SAMPLED_PICKS: u32 = 16;
/// If fewer than one position in this many is picked, the picked ones are kept in a set; otherwise a list of all
/// positions is shuffled.
const SPARSE_PICKS: u64 = 3;

/// Refuses members or fields that are too long to be stored; `what` names them in the error.
pub(super) fn check_lengths<'a>(
    mut words: impl Iterator<Item = &'a [u8]>,
    what: &str,
) -> Result<(), CommandError> {
    match words.any(|word| word.len() > MEMBER_BYTES_MAX) {
        true => Err(format!("ERR {what} is too long: {MEMBER_BYTES_MAX} bytes at most").into()),
        false => Ok(()),
    }
}

/// Calls `pick`, which picks an element and writes it, `count` times. `count` may be far above the number of elements,
/// so a reply that would almost certainly be too long is refused before the first pick.
pub(super) fn reply_picks(
    view: &View<'_>,
    count: u64,
    reply: &mut Reply<'_>,
    mut pick: impl FnMut(&mut Reply<'_>) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    const TOO_LONG: CommandError =
        CommandError::Reply(Cow::Borrowed("ERR value is out of range, the reply would be too long"));
    view.check_lookups(count)?;
    let bytes_max = picks_bytes_max(reply);
    if count > JUDGED_PICKS {
        let mut shortest_bytes = usize::MAX;
        for _ in 0..SAMPLED_PICKS {
            let mut out = Vec::new();
            pick(&mut Reply::within(&mut out, reply.protocol(), bytes_max))?;
            shortest_bytes = shortest_bytes.min(out.len());
        }
        if !probably_fits(count, shortest_bytes, bytes_max) {
            return Err(TOO_LONG);
        }
    }
    let start = reply.len_bytes();
    for _ in 0..count {
        pick(reply)?;
        if reply.is_cut() {
            break;
        }
        if reply.len_bytes() - start > bytes_max && !reply.streams() {
            return Err(TOO_LONG);
        }
    }
    Ok(())
}

/// The most bytes of the picks in a reply.
fn picks_bytes_max(reply: &Reply<'_>) -> usize {
    match reply.streams() {
        true => STREAMED_RANDOM_REPLY_BYTES_MAX,
        false => reply.bytes_max().min(RANDOM_REPLY_BYTES_MAX),
    }
}

/// Whether so many picks may fit, given the shortest of some samples: at least nine picks in ten are probably as long.
fn probably_fits(count: u64, shortest_bytes: usize, bytes_max: usize) -> bool {
    count.saturating_mul(shortest_bytes as u64) / 10 * 9 <= bytes_max as u64
}

/// `count` different positions below `places`, chosen uniformly at random. `count` is at most `places`.
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

/// One call of `SSCAN`, `HSCAN` or `ZSCAN`. It visits the elements in the order of their names, see
/// [`cursors`](super::cursors).
pub(super) struct ElementScan<'a> {
    /// The cursor that the client sent.
    cursor: u64,
    /// The literal prefix of the pattern.
    prefix: Vec<u8>,
    /// The rest of the pattern.
    rest: &'a [u8],
    /// Elements to visit.
    count: usize,
    /// `NOVALUES`: whether only the names are wanted.
    pub(super) names_only: bool,
    /// Elements visited.
    seen: usize,
    /// Name of the last of them.
    last: Vec<u8>,
    /// Where the next call continues, if there is more.
    stop: Option<Vec<u8>>,
}

/// What happens to an element that a scan visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is returned.
    Wanted,
    /// It is skipped.
    PassedOver,
    /// The call ends before it.
    End,
}

impl<'a> ElementScan<'a> {
    /// Parses a cursor.
    pub(super) fn cursor(word: &[u8]) -> Result<u64, CommandError> {
        parse_u64(word).ok_or(CommandError::from("ERR invalid cursor"))
    }

    /// Replies to a scan of a key that does not exist.
    pub(super) fn reply_nothing(reply: &mut Reply<'_>) {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
    }

    /// Parses the options after the cursor, which is word 2: `[MATCH pattern] [COUNT count]`, and `[NOVALUES]` of
    /// `HSCAN`.
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

    /// Has the call visit all elements of `value` if they are few: Redis scans a packed collection in one call,
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

    /// The name to start at.
    pub(super) fn start(&self) -> Vec<u8> {
        cursors::place_of(self.cursor, &self.prefix)
    }

    /// Visits the next element.
    pub(super) fn see(&mut self, name: &[u8]) -> Seen {
        if !name.starts_with(&self.prefix) {
            return Seen::End;
        }
        if self.seen >= self.count {
            let place = separator(&self.last, name);
            // A position that fits into a cursor needs no memory. To reach one, up to twice as many elements are
            // visited.
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

    /// Replies with the next cursor and the elements.
    pub(super) fn reply(self, found: Elements, reply: &mut Reply<'_>) {
        let next = self.stop.map_or(0, |place| cursors::cursor_of(&place, &self.prefix, self.cursor));
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(next).as_bytes());
        found.array(reply);
    }
}

/// The shortest prefix of `next` that is above `last`.
pub(super) fn separator<'k>(last: &[u8], next: &'k [u8]) -> &'k [u8] {
    debug_assert!(last < next);
    let common = last.iter().zip(next).take_while(|(a, b)| a == b).count();
    &next[..common + 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::tests::Data;
    use crate::resp::{Protocol, Sink};

    /// Takes everything that is sent.
    struct Drain;

    impl Sink for Drain {
        fn take(&mut self, piece: &mut Vec<u8>) -> bool {
            piece.clear();
            true
        }
    }

    /// Asks for `count` picks of 15 bytes each in a reply of at most `bytes_max` bytes; returns whether they were refused, and
    /// how many were made.
    fn picks(data: &Data, count: u64, bytes_max: usize) -> (bool, u64) {
        let (mut made, mut out) = (0, Vec::new());
        let mut reply = Reply::within(&mut out, Protocol::Resp2, bytes_max);
        let result = reply_picks(&data.writer.view(), count, &mut reply, |reply| {
            made += 1;
            reply.bulk(b"123456789");
            Ok(())
        });
        assert!(matches!(&result, Ok(()) | Err(CommandError::Reply(_))));
        (result.is_err(), made)
    }

    #[test]
    fn picks_that_cannot_fit_are_refused_after_a_few() {
        let (data, bytes_max) = (Data::new(), 1_350_000);
        assert_eq!(picks(&data, 80_000, bytes_max), (false, 80_000 + u64::from(SAMPLED_PICKS)));
        // Those up to the limit's place are tried: they may be shorter than the samples.
        let (is_refused, made) = picks(&data, 100_000, bytes_max);
        assert!(!is_refused && (90_000..=100_000).contains(&made), "{is_refused} {made}");
        for count in [100_001, 1 << 40, u64::MAX] {
            assert_eq!(picks(&data, count, bytes_max), (true, u64::from(SAMPLED_PICKS)), "{count}");
        }
        // So few are written without an estimate.
        assert!(picks(&data, JUDGED_PICKS, 64).1 <= 5);
        assert_eq!(picks(&data, JUDGED_PICKS + 1, 64), (true, u64::from(SAMPLED_PICKS)));
    }

    #[test]
    fn picks_have_a_limit_of_their_own() {
        let (mut out, mut sink) = (Vec::new(), Drain);
        let reply = Reply::within(&mut out, Protocol::Resp2, 1 << 30);
        assert_eq!(picks_bytes_max(&reply), 256 << 20);
        let reply = Reply::within(&mut out, Protocol::Resp2, 1 << 20);
        assert_eq!(picks_bytes_max(&reply), 1 << 20);
        let reply = Reply::streaming(&mut out, Protocol::Resp2, &mut sink, 1 << 20);
        assert_eq!(picks_bytes_max(&reply), 16 << 30);
        // 256 MiB are nine tenths of 19,884,107 picks of 15 bytes.
        for (count, fits) in [(19_884_107, true), (19_884_108, false)] {
            assert_eq!(probably_fits(count, 15, 256 << 20), fits, "{count}");
        }
    }

    #[test]
    fn each_command_that_picks_refuses_what_cannot_fit_at_once() {
        let time = || {
            let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
        };
        let mut data = Data::new();
        data.run("sadd set 0123456789 abcdefghij");
        data.run("hset hash 0123456789 a abcdefghij b");
        data.run("zadd sorted 1 0123456789 2 abcdefghij");
        for (command, options) in [
            ("srandmember set", ""),
            ("hrandfield hash", ""),
            ("hrandfield hash", " withvalues"),
            ("zrandmember sorted", ""),
            ("zrandmember sorted", " withscores"),
        ] {
            let start = time();
            data.run(&format!("{command} -{JUDGED_PICKS}{options}"));
            let few = time() - start;
            for count in ["20000000", "4611686018427387903"] {
                let start = time();
                let answer = data.run(&format!("{command} -{count}{options}"));
                let took = time() - start;
                let line = format!("{command} -{count}{options}");
                assert_eq!(answer, "-ERR value is out of range, the reply would be too long", "{line}");
                assert!(took < few, "{line} took {took:?}, and {JUDGED_PICKS} picks {few:?}");
            }
        }
    }

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
