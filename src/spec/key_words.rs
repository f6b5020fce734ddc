//! Which of a command's words are keys.
//!
//! [`Spec::key_indexes`] is the only place that decides this: for fetching keys, deleting expired ones, remembering
//! what a client read, and reporting keys on damaged pages.

use super::key_positions::{At, KeyRange};
use super::{Access, Spec};
use crate::resp::Args;

impl Spec {
    /// The indexes of the keys among a command's words. None if the number of keys is invalid.
    pub fn key_indexes<'a>(&self, args: &Args<'a>) -> impl Iterator<Item = usize> + use<'a> {
        let args = *args;
        let key_positions = self.keys.iter().filter(|position| position.access.is_key);
        key_positions.filter_map(move |position| position.find(&args)).flatten()
    }

    /// The keys among a command's words.
    pub fn keys_in<'a>(&self, args: &Args<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let args = *args;
        self.key_indexes(&args).filter_map(move |index| args.get(index))
    }

    /// The keys among a command's words, each with what is done with it. `None` if the number of keys is invalid, or a
    /// key is missing. If the number of keys is one that only C's `atoi` reads, they have no access, and a destination is
    /// the last: Redis then asks another function.
    pub fn accesses_in<'a>(&self, args: &Args<'a>) -> Option<Vec<(&'a [u8], Access)>> {
        let mut found = Vec::new();
        for position in self.keys {
            let access = position.access.by_words.map_or(position.access, |of| of(args));
            let mut keys = position.find(args)?.filter_map(|index| args.get(index)).peekable();
            if matches!(position.at, At::Fixed(_)) && keys.peek().is_none() {
                return None;
            }
            found.extend(keys.map(|key| (key, access)));
        }
        if self.keys.iter().any(|position| position.is_counted_loosely(args)) {
            found.rotate_left(self.keys.len() - 1);
            found.iter_mut().for_each(|(_, access)| *access = Access::new(&[]));
        }
        Some(found)
    }

    /// First, last and step of the keys at fixed positions, for old clients; zeros if there are none.
    pub fn fixed_keys(&self) -> (usize, i32, usize) {
        let mut ranges = self.keys.iter().filter_map(|position| match position.at {
            At::Fixed(range) => Some(range),
            _ => None,
        });
        let Some(KeyRange { first, last, step }) = ranges.next() else { return (0, 0, 0) };
        (first, ranges.next_back().map_or(last, |range| range.last), step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Span;
    use crate::spec;

    /// The keys of a command, whose words are separated by blanks.
    fn keys(spec: &Spec, line: &str) -> String {
        let mut start = 0;
        let spans: Vec<Span> = line
            .split(' ')
            .map(|word| {
                start += word.len() as u32 + 1;
                Span { start: start - 1 - word.len() as u32, len: word.len() as u32 }
            })
            .collect();
        let args = Args::new(line.as_bytes(), &spans);
        spec.keys_in(&args).map(|key| str::from_utf8(key).unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn keys_stand_at_fixed_positions() {
        assert_eq!(keys(&spec::GET, "get a"), "a");
        assert_eq!(keys(&spec::DEL, "del a b c"), "a b c");
        assert_eq!(keys(&spec::MSET, "mset a 1 b 2"), "a b");
        assert_eq!(keys(&spec::BLPOP, "blpop a b 0"), "a b");
        assert_eq!(keys(&spec::COPY, "copy a b db 1"), "a b");
        assert_eq!(keys(&spec::BITOP, "bitop and d a b"), "d a b");
        assert_eq!(keys(&spec::OBJECT_ENCODING, "object encoding a"), "a");
        assert_eq!(keys(&spec::COPY, "copy a"), "a");
        assert_eq!(keys(&spec::PING, "ping a b"), "");
        assert_eq!(keys(&spec::SSUBSCRIBE, "ssubscribe a b"), "");
    }

    #[test]
    fn keys_stand_behind_their_number() {
        assert_eq!(keys(&spec::LMPOP, "lmpop 2 a b left"), "a b");
        assert_eq!(keys(&spec::BZMPOP, "bzmpop 0 1 a min"), "a");
        assert_eq!(keys(&spec::SINTERCARD, "sintercard 2 a b limit 1"), "a b");
        assert_eq!(keys(&spec::ZUNIONSTORE, "zunionstore d 2 a b weights 1 2"), "d a b");
        assert_eq!(keys(&spec::MSETEX, "msetex 2 a 1 b 2 ex 5"), "a b");
        assert_eq!(keys(&spec::MSETEX, "msetex 3 a 1 b 2 ex"), "");
        assert_eq!(keys(&spec::SUNIONCARD, "sunioncard 2 a b limit 1"), "a b");
        for number in ["01", "+1", "1.5", "1x", "\t1", "4294967297"] {
            assert_eq!(keys(&spec::LMPOP, &format!("lmpop {number} a b left")), "a", "{number}");
        }
        for number in ["9", "0", "-1", "x", "", "2147483648", "99999999999999999999", "-99999999999999999999"]
        {
            assert_eq!(keys(&spec::LMPOP, &format!("lmpop {number} a b left")), "", "{number}");
        }
        assert_eq!(keys(&spec::LMPOP, "lmpop"), "");
    }

    #[test]
    fn keys_to_store_into_stand_behind_a_word() {
        assert_eq!(keys(&spec::SORT, "sort a by store limit 1 store store d"), "a d");
        assert_eq!(keys(&spec::SORT, "sort a get store"), "a");
        assert_eq!(keys(&spec::SORT, "sort a store"), "a");
        assert_eq!(keys(&spec::GEORADIUS, "georadius a 1 2 3 m asc store d"), "a d");
        assert_eq!(keys(&spec::GEORADIUSBYMEMBER, "georadiusbymember a m 3 m STOREDIST d"), "a d");
        assert_eq!(keys(&spec::GEORADIUS, "georadius a 1 2 3 m store"), "a");
    }
}
