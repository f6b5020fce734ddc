//! Iterates over the keys of a database, which are ordered by their bytes.
//!
//! If a pattern starts with literal bytes, only the keys that start with them are visited.

use crate::command::{CommandError, ReadCtx, cursors, words};
use crate::glob;
use crate::number::parse_u64;
use crate::resp::{Args, Elements, Reply, reply_bulks};

/// Keys that a call of `SCAN` visits if it has no `COUNT`.
const COUNT_DEFAULT: usize = 10;
/// The most keys that a call of `SCAN` visits.
const COUNT_MAX: usize = 1_000_000;
/// Random picks of expired keys after which the first live key in order is taken.
const PICKS_MAX: usize = 100;

/// Which keys are wanted.
struct Filter<'a> {
    /// The literal prefix of the pattern.
    prefix: Vec<u8>,
    /// The rest of the pattern.
    rest: &'a [u8],
    /// Name of their type.
    kind: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// Keys that match `pattern`.
    fn new(pattern: &'a [u8], kind: Option<&'a [u8]>) -> Self {
        let (prefix, rest) = glob::literal_prefix(pattern);
        Self { prefix, rest, kind }
    }

    /// Whether the pattern matches one name only.
    fn is_exact(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether a key that starts with the prefix is wanted.
    fn takes(&self, key: &[u8], kind: &str) -> bool {
        self.kind.is_none_or(|wanted| words::is(wanted, kind))
            && (self.rest == b"*" || glob::matches(self.rest, &key[self.prefix.len()..]))
    }
}

/// `KEYS pattern`
pub(super) fn keys(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let filter = Filter::new(&args[1], None);
    if filter.prefix.is_empty() {
        context.keys.view().check_cells(context.keys.len(context.db))?;
    }
    reply_bulks(reply, Reply::array, |take| {
        if filter.is_exact() {
            if context.keys.peek(context.db, &filter.prefix)?.is_some() {
                take(&filter.prefix);
            }
            return Ok(());
        }
        context.keys.each_from(context.db, &filter.prefix, |key, value| {
            let within = key.starts_with(&filter.prefix);
            let is_wanted = within && value.is_some_and(|value| filter.takes(key, value.kind.name()));
            Ok(within && (!is_wanted || take(key)))
        })
    })?;
    Ok(())
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
pub(super) fn scan(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let cursor = parse_u64(&args[1]).ok_or(CommandError::from("ERR invalid cursor"))?;
    let (filter, count) = scan_options(args)?;
    let place = cursors::place_of(cursor, &filter.prefix);
    let mut step = Step { filter, count, seen: 0, last: Vec::new(), stop: None };
    let mut names = Elements::new(reply);
    if step.filter.is_exact() {
        step.see_exact(context, &mut names)?;
    } else {
        context.keys.each_from(context.db, &place, |key, value| {
            let kind = value.map(|value| value.kind.name());
            Ok(step.see(key, kind, &mut names))
        })?;
    }
    let next = match &step.stop {
        Some(place) => cursors::cursor_of(place, &step.filter.prefix, cursor),
        None => 0,
    };
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    names.array(reply);
    Ok(())
}

/// Parses the options after the cursor.
fn scan_options<'a>(args: &Args<'a>) -> Result<(Filter<'a>, usize), CommandError> {
    let (mut pattern, mut kind, mut count) = (b"*".as_slice(), None, COUNT_DEFAULT);
    let mut rest = args.from(2);
    while let Some(word) = rest.next() {
        let value = rest.next().ok_or(CommandError::SYNTAX)?;
        if words::is(word, "count") {
            let number = words::integer(value)?;
            if number < 1 {
                return Err(CommandError::SYNTAX);
            }
            count = usize::try_from(number).unwrap_or(COUNT_MAX).min(COUNT_MAX);
        } else if words::is(word, "match") {
            pattern = value;
        } else if words::is(word, "type") {
            kind = Some(value);
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok((Filter::new(pattern, kind), count))
}

/// One call of `SCAN`.
struct Step<'a> {
    /// Which keys are wanted.
    filter: Filter<'a>,
    /// Keys to visit.
    count: usize,
    /// Keys visited.
    seen: usize,
    /// The last of them.
    last: Vec<u8>,
    /// Where the next call continues, if there is more.
    stop: Option<Vec<u8>>,
}

impl Step<'_> {
    /// Visits the next key; `kind` is its type, or `None` if it has expired. Returns whether to go on.
    fn see(&mut self, key: &[u8], kind: Option<&str>, names: &mut Elements) -> bool {
        if !key.starts_with(&self.filter.prefix) {
            return false;
        }
        if self.seen >= self.count {
            let place = separator(&self.last, key);
            // A position that fits into a cursor needs no memory. To reach one, up to twice as many keys are visited.
            let direct = cursors::is_direct(place.len() - self.filter.prefix.len());
            if direct || self.seen >= 2 * self.count {
                self.stop = Some(place.to_vec());
                return false;
            }
        }
        self.seen += 1;
        self.last.clear();
        self.last.extend_from_slice(key);
        if kind.is_some_and(|kind| self.filter.takes(key, kind)) {
            names.add(|reply| reply.bulk(key));
        }
        true
    }

    /// Visits the only key that the pattern can match.
    fn see_exact(&mut self, context: &mut ReadCtx<'_>, names: &mut Elements) -> Result<(), CommandError> {
        let key = std::mem::take(&mut self.filter.prefix);
        let value = context.keys.peek(context.db, &key)?;
        let wanted = |kind: &str| self.filter.kind.is_none_or(|wanted| words::is(wanted, kind));
        if value.is_some_and(|value| wanted(value.kind.name())) {
            names.add(|reply| reply.bulk(&key));
        }
        Ok(())
    }
}

/// The shortest prefix of `next` that is above `last`.
fn separator<'k>(last: &[u8], next: &'k [u8]) -> &'k [u8] {
    debug_assert!(last < next);
    let common = last.iter().zip(next).take_while(|(a, b)| a == b).count();
    &next[..common + 1]
}

/// `RANDOMKEY`
pub(super) fn randomkey(
    context: &mut ReadCtx<'_>,
    _: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let db = context.db;
    let len = context.keys.len(db);
    for _ in 0..PICKS_MAX {
        if len == 0 {
            break;
        }
        if let Some(key) = context.keys.nth(db, rand::random_range(0..len))? {
            reply.bulk(&key);
            return Ok(());
        }
    }
    let mut found = false;
    context.keys.each_from(db, &[], |key, value| {
        found = value.is_some();
        if found {
            reply.bulk(key);
        }
        Ok(!found)
    })?;
    if !found {
        reply.null();
    }
    Ok(())
}
