//! Adds and removes members, and changes scores. The log gets the resulting scores.

use std::collections::BTreeMap;

use super::with_set;
use crate::command::{CommandError, WriteCtx, elements, words};
use crate::effect::{Effect, ItemsBuffer, Score, SortedSetChange};
use crate::keyspace::Classes;
use crate::number::parse_f64;
use crate::resp::{Args, Reply};

/// The error of an invalid score.
const NO_FLOAT: &str = "ERR value is not a valid float";

/// The options of `ZADD`.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::command) struct Options {
    /// `NX`: only members that do not exist.
    pub(in crate::command) new_only: bool,
    /// `XX`: only members that exist.
    pub(in crate::command) old_only: bool,
    /// `GT`: an existing member only gets a greater score.
    greater: bool,
    /// `LT`: an existing member only gets a lower score.
    less: bool,
    /// `CH`: whether changed members are counted, too.
    pub(in crate::command) count_changed: bool,
    /// `INCR`: whether the score is added to the member's.
    increment: bool,
}

impl Options {
    /// Parses an option; `None` if the word is not one.
    fn take(&mut self, word: &[u8]) -> Option<()> {
        let options = [
            ("nx", &mut self.new_only),
            ("xx", &mut self.old_only),
            ("gt", &mut self.greater),
            ("lt", &mut self.less),
            ("ch", &mut self.count_changed),
            ("incr", &mut self.increment),
        ];
        let (_, option) = options.into_iter().find(|(name, _)| words::is(word, name))?;
        *option = true;
        Some(())
    }

    /// Refuses options that contradict each other.
    pub(in crate::command) fn check(&self) -> Result<(), CommandError> {
        if self.new_only && self.old_only {
            return Err("ERR XX and NX options at the same time are not compatible".into());
        }
        if [self.new_only, self.greater, self.less].into_iter().filter(|set| *set).count() > 1 {
            return Err("ERR GT, LT, and/or NX options at the same time are not compatible".into());
        }
        Ok(())
    }

    /// The new score of a member whose score is `old`, or `None` if it does not change.
    fn decide(&self, old: Option<Score>, value: f64) -> Result<Option<Score>, CommandError> {
        let refused = if old.is_some() { self.new_only } else { self.old_only };
        if refused {
            return Ok(None);
        }
        let base = old.filter(|_| self.increment).map_or(0.0, Score::get);
        let score = Score::new(base + value)
            .ok_or(CommandError::from("ERR resulting score is not a number (NaN)"))?;
        let refused = old.is_some_and(|old| self.greater && score <= old || self.less && score >= old);
        Ok((!refused).then_some(score))
    }
}

/// What happened to the members.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::command) struct Outcome {
    /// How many are new.
    added: i64,
    /// How many have another score than before.
    changed: i64,
    /// The score of the last one, unless the options did not allow the change.
    last: Option<Score>,
}

impl Outcome {
    /// What `ZADD` replies without `INCR`.
    pub(in crate::command) fn count(&self, options: Options) -> i64 {
        self.added + if options.count_changed { self.changed } else { 0 }
    }
}

/// `ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]`
pub(super) fn zadd(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let mut options = Options::default();
    let first = 2 + args.from(2).take_while(|word| options.take(word).is_some()).count();
    let rest = args.from(first);
    if rest.len() == 0 || rest.len() % 2 == 1 {
        return Err(CommandError::SYNTAX);
    }
    options.check()?;
    if options.increment && rest.len() > 2 {
        return Err("ERR INCR option supports a single increment-element pair".into());
    }
    let mut pairs = Vec::with_capacity(rest.len() / 2);
    for index in (first..args.len()).step_by(2) {
        pairs.push((parse_f64(&args[index]).ok_or(CommandError::from(NO_FLOAT))?, &args[index + 1]));
    }
    let outcome = put(context, &args[1], options, &pairs)?;
    match (options.increment, outcome.last) {
        (false, _) => reply.integer(outcome.count(options)),
        (true, Some(score)) => reply.double(score.get()),
        (true, None) => reply.null(),
    }
    Ok(())
}

/// `ZINCRBY key increment member`
pub(super) fn zincrby(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let increment = parse_f64(&args[2]).ok_or(CommandError::from(NO_FLOAT))?;
    let options = Options { increment: true, ..Options::default() };
    let outcome = put(context, &args[1], options, &[(increment, &args[3])])?;
    match outcome.last {
        Some(score) => reply.double(score.get()),
        None => reply.null(),
    }
    Ok(())
}

/// Sets the scores of members as the options say, one after the other.
pub(in crate::command) fn put(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    options: Options,
    pairs: &[(f64, &[u8])],
) -> Result<Outcome, CommandError> {
    let (outcome, scores) = with_set(context, key, |view, set| {
        elements::check_lengths(pairs.iter().map(|(_, member)| *member), "member")?;
        let mut outcome = Outcome::default();
        let mut scores: BTreeMap<&[u8], Score> = BTreeMap::new();
        for &(value, member) in pairs {
            let old = match (scores.get(member), set) {
                (Some(score), _) => Some(*score),
                (None, Some(set)) => set.score(view, member)?,
                (None, None) => None,
            };
            let new = options.decide(old, value)?;
            outcome.last = new;
            match (old, new) {
                (None, Some(score)) => {
                    outcome.added += 1;
                    scores.insert(member, score);
                }
                (Some(old), Some(score)) if old != score => {
                    outcome.changed += 1;
                    scores.insert(member, score);
                }
                _ => {}
            }
        }
        Ok((outcome, scores))
    })?;
    if !scores.is_empty() {
        let mut items = ItemsBuffer::new();
        for (member, score) in scores {
            items.push(member);
            items.push(&score.to_bytes());
        }
        let db = context.db;
        let effect = Effect::on(db, key, SortedSetChange::Add { elements: items.items() });
        let name = if options.increment { "zincr" } else { "zadd" };
        context.keys.change(&effect, Classes::SORTED_SET, name)?;
    }
    Ok(outcome)
}

/// `ZREM key member [member ...]`
pub(super) fn zrem(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let there = with_set(context, key, |view, set| {
        let mut there = Vec::new();
        for member in args.from(2) {
            if set.map(|set| set.score(view, member)).transpose()?.flatten().is_some() {
                there.push(member);
            }
        }
        there.sort_unstable();
        there.dedup();
        Ok(there)
    })?;
    if !there.is_empty() {
        let members: ItemsBuffer = there.iter().copied().collect();
        let effect = Effect::on(db, key, SortedSetChange::Remove { members: members.items() });
        context.keys.take_out(&effect, Classes::SORTED_SET, "zrem")?;
    }
    reply.integer(there.len() as i64);
    Ok(())
}
