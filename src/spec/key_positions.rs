//! Where a command's keys are among its words, and what it does with them.

use std::ops::Range;

use crate::resp::Args;

/// Some of a command's keys.
#[derive(Clone, Copy, Debug)]
pub struct KeyPosition {
    /// Where they are.
    pub at: At,
    /// What is done with them.
    pub access: Access,
}

/// Where some of a command's keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// At fixed positions, or up to the end.
    Fixed(KeyRange),
    /// After the word at this index, which is their number.
    Counted(usize),
    /// After the word at this index, which is their number, each followed by its value.
    CountedPairs(usize),
    /// After a keyword, which is at this index or later.
    Behind(&'static str, usize),
    /// After the last `STORE` among the options of `SORT`. `COMMAND INFO` cannot express this position.
    SortStore,
    /// Not among the words: the keys depend on the data.
    Unknown,
}

/// Keys at fixed positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// Index of the first key.
    pub first: usize,
    /// Index of the last key; negative counts from the end (-1: the last word).
    pub last: i32,
    /// Distance from a key to the next.
    pub step: usize,
}

/// What a command does with keys.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// In Redis's words.
    pub names: &'static [&'static str],
    /// Whether they are keys. Shard channels are not, although they are routed like keys.
    pub is_key: bool,
    /// Computes it from the words, if it depends on options.
    pub(super) by_words: Option<fn(&Args<'_>) -> Access>,
}

/// They are read.
pub(super) const READ: Access = Access::new(&["RO", "access"]);
/// Only their metadata is read: whether they exist, their type, their size.
pub(super) const EXAMINED: Access = Access::new(&["RO"]);
/// They are read and changed.
pub(super) const CHANGED: Access = Access::new(&["RW", "access", "update"]);
/// They are changed.
pub(super) const UPDATED: Access = Access::new(&["RW", "update"]);
/// Something is added to them.
pub(super) const INSERTED: Access = Access::new(&["RW", "insert"]);
/// Something is deleted from them.
pub(super) const TRIMMED: Access = Access::new(&["RW", "delete"]);
/// Something is removed from them and returned.
pub(super) const TAKEN: Access = Access::new(&["RW", "access", "delete"]);
/// They are replaced.
pub(super) const REPLACED: Access = Access::new(&["OW", "update"]);
/// They are created.
pub(super) const CREATED: Access = Access::new(&["OW", "insert"]);
/// They are deleted.
pub(super) const REMOVED: Access = Access::new(&["RM", "delete"]);
/// They are compared and deleted.
pub(super) const REMOVED_IF: Access = Access::new(&["RM", "access", "delete"]);
/// They are not keys, but shard channels.
pub(super) const CHANNEL: Access = Access { is_key: false, ..Access::new(&["not_key"]) };

impl Access {
    /// What is done with keys, in Redis's words.
    pub(super) const fn new(names: &'static [&'static str]) -> Self {
        Self { names, is_key: true, by_words: None }
    }

    /// What is done with keys, if that depends on the options.
    pub(super) const fn by_words(of: fn(&Args<'_>) -> Access) -> Self {
        let names = &["RW", "access", "update", "variable_flags"];
        Self { names, is_key: true, by_words: Some(of) }
    }
}

/// Word 1 is the key.
pub(super) const fn key(access: Access) -> KeyPosition {
    nth(1, access)
}

/// One word is the key.
pub(super) const fn nth(index: usize, access: Access) -> KeyPosition {
    fixed(index, index as i32, 1, access)
}

/// Words 1 and 2 are keys.
pub(super) const fn two(access: Access) -> KeyPosition {
    fixed(1, 2, 1, access)
}

/// All words from 1 on are keys.
pub(super) const fn all(access: Access) -> KeyPosition {
    all_from(1, access)
}

/// All words from one on are keys.
pub(super) const fn all_from(first: usize, access: Access) -> KeyPosition {
    fixed(first, -1, 1, access)
}

/// All words from 1 on are keys but the last, which is a timeout.
pub(super) const fn all_but_timeout(access: Access) -> KeyPosition {
    fixed(1, -2, 1, access)
}

/// Words 1, 3, 5 ... are keys, each followed by its value.
pub(super) const fn pairs(access: Access) -> KeyPosition {
    fixed(1, -1, 2, access)
}

/// The keys are after their number, which is word `at`.
pub(super) const fn counted(at: usize, access: Access) -> KeyPosition {
    KeyPosition { at: At::Counted(at), access }
}

/// The keys are after their number, which is word `at`, each followed by its value.
pub(super) const fn counted_pairs(at: usize, access: Access) -> KeyPosition {
    KeyPosition { at: At::CountedPairs(at), access }
}

/// The key is after a keyword, which is searched from `from` on.
pub(super) const fn behind(word: &'static str, from: usize, access: Access) -> KeyPosition {
    KeyPosition { at: At::Behind(word, from), access }
}

/// Keys at fixed positions.
const fn fixed(first: usize, last: i32, step: usize, access: Access) -> KeyPosition {
    KeyPosition { at: At::Fixed(KeyRange { first, last, step }), access }
}

/// Indexes at equal distances. Avoids the division of [`Iterator::step_by`], because this runs several times per
/// command.
#[derive(Clone, Debug)]
pub(super) struct Indexes {
    next: usize,
    end: usize,
    step: usize,
}

impl Iterator for Indexes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let index = self.next;
        (index < self.end).then(|| {
            self.next = index + self.step;
            index
        })
    }
}

impl KeyRange {
    /// The indexes of the keys among `words` words.
    #[inline]
    fn indexes(self, words: usize) -> Indexes {
        let end = match usize::try_from(self.last) {
            Ok(last) => words.min(last + 1),
            Err(_) => words.saturating_sub(self.last.unsigned_abs() as usize - 1),
        };
        Indexes { next: self.first, end, step: self.step }
    }
}

impl KeyPosition {
    /// The indexes of the keys among the words of a command. `None` if the word for their number is not a number, or
    /// there are fewer keys; such a command fails.
    #[inline]
    pub(super) fn find(&self, args: &Args<'_>) -> Option<Indexes> {
        match self.at {
            At::Fixed(range) => Some(range.indexes(args.len())),
            _ => self.look_for(args),
        }
    }

    /// The same for positions that depend on the words.
    fn look_for(&self, args: &Args<'_>) -> Option<Indexes> {
        let one = |index: Option<usize>| index.map_or(0..0, |index| index..index + 1);
        let Range { start, end } = match self.at {
            At::Fixed(_) => 0..0,
            At::Counted(at) => counted_in(args, at, 1)?,
            At::CountedPairs(at) => counted_in(args, at, 2)?,
            At::Behind(word, from) => one(behind_in(args, word, from)),
            At::SortStore => one(sort_store_in(args)),
            At::Unknown => 0..0,
        };
        let step = if matches!(self.at, At::CountedPairs(_)) { 2 } else { 1 };
        Some(Indexes { next: start, end, step })
    }

    /// Whether the keys follow a number that is not written as integers are.
    pub(super) fn is_counted_loosely(&self, args: &Args<'_>) -> bool {
        matches!(self.at, At::Counted(at) if args.integer(at).is_none())
    }
}

/// Whether a command has keys at other than fixed positions.
pub(super) const fn are_movable(keys: &[KeyPosition]) -> bool {
    let mut index = 0;
    while index < keys.len() {
        if !matches!(keys[index].at, At::Fixed(_)) {
            return true;
        }
        index += 1;
    }
    false
}

/// The indexes of the keys whose number is word `at`, each `step` words after the one before.
fn counted_in(args: &Args<'_>, at: usize, step: usize) -> Option<Range<usize>> {
    let left = args.len().saturating_sub(at + 1) / step;
    let count = usize::try_from(leading_number(args.get(at)?)).ok()?;
    (1..=left).contains(&count).then_some(at + 1..at + 1 + count * step)
}

/// The number at the start of a word, as Redis reads it when it looks for keys: with C's `atoi`. Commands that run are
/// stricter.
fn leading_number(word: &[u8]) -> i32 {
    let (sign, digits) = match word.trim_ascii_start() {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let digits = digits.iter().take_while(|digit| digit.is_ascii_digit());
    let number = digits.fold(0_i64, |number, digit| {
        number.saturating_mul(10).saturating_add(sign * i64::from(digit - b'0'))
    });
    number as i32
}

/// The index of the word after `keyword`, which is searched from `from` on.
fn behind_in(args: &Args<'_>, keyword: &str, from: usize) -> Option<usize> {
    let at = args.from(from).position(|word| word.eq_ignore_ascii_case(keyword.as_bytes()))?;
    Some(from + at + 1).filter(|index| *index < args.len())
}

/// The index of the key that `SORT` stores into.
fn sort_store_in(args: &Args<'_>) -> Option<usize> {
    let (mut at, mut found) = (2, None);
    while let Some(word) = args.get(at) {
        let is = |option: &str| word.eq_ignore_ascii_case(option.as_bytes());
        at += match () {
            () if is("limit") => 3,
            () if is("get") || is("by") => 2,
            () if is("store") && at + 1 < args.len() => {
                found = Some(at + 1);
                2
            }
            () => 1,
        };
    }
    found
}
