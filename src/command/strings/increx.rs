//! `INCREX`: adds to a number within bounds. Its effect is the result and the absolute expiry.

use super::number::{float_of, integer_of};
use crate::command::words::{self, TimeForm};
use crate::command::{CommandError, WriteCtx};
use crate::effect::{Effect, KeyChange, StringChange};
use crate::keyspace::Classes;
use crate::number::{Extended, parse_i64};
use crate::resp::{Args, Reply};

/// What happens to the key's expiry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    /// It is kept.
    Keep,
    /// `PERSIST`: it is removed.
    Persist,
    /// It is set to the time in the word at this index.
    Until(TimeForm, usize),
}

/// The options, with the indexes of their words.
struct Options {
    /// `BYINT` or `BYFLOAT`.
    increment: Option<usize>,
    /// `BYFLOAT`.
    is_float: bool,
    /// `LBOUND`.
    lower: Option<usize>,
    /// `UBOUND`.
    upper: Option<usize>,
    /// `SATURATE`: a result out of bounds becomes the bound.
    saturates: bool,
    /// `EX`, `PX`, `EXAT`, `PXAT`, `PERSIST`.
    lifetime: Lifetime,
    /// `ENX`: the expiry is set only if the key has none.
    if_endless: bool,
}

impl Options {
    /// Parses the options.
    fn parse(args: &Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self {
            increment: None,
            is_float: false,
            lower: None,
            upper: None,
            saturates: false,
            lifetime: Lifetime::Keep,
            if_endless: false,
        };
        let mut index = 2;
        while let Some(word) = args.get(index) {
            let taken = options.take(word, index + 1).filter(|words| index + words <= args.len());
            index += taken.ok_or(CommandError::SYNTAX)?;
        }
        match options.lifetime {
            Lifetime::Keep if options.if_endless => Err("ERR ENX flag requires an expiration".into()),
            Lifetime::Persist if options.if_endless => Err(CommandError::SYNTAX),
            _ => Ok(options),
        }
    }

    /// Parses the option `word`, whose value is at `next`; returns the number of its words, or `None` if it is invalid
    /// or given twice.
    fn take(&mut self, word: &[u8], next: usize) -> Option<usize> {
        let once = |slot: &mut Option<usize>| slot.replace(next).is_none().then_some(2);
        let flag = |slot: &mut bool| (!std::mem::replace(slot, true)).then_some(1);
        if words::is(word, "byint") {
            once(&mut self.increment)
        } else if words::is(word, "byfloat") {
            self.is_float = true;
            once(&mut self.increment)
        } else if words::is(word, "lbound") {
            once(&mut self.lower)
        } else if words::is(word, "ubound") {
            once(&mut self.upper)
        } else if words::is(word, "saturate") {
            flag(&mut self.saturates)
        } else if words::is(word, "enx") {
            flag(&mut self.if_endless)
        } else if words::is(word, "persist") {
            self.take_lifetime(Lifetime::Persist, 1)
        } else {
            let form = TimeForm::of_option(word)?;
            self.take_lifetime(Lifetime::Until(form, next), 2)
        }
    }

    /// Sets what happens to the expiry, with an option of `words` words; `None` if another one did so before.
    fn take_lifetime(&mut self, lifetime: Lifetime, words: usize) -> Option<usize> {
        let before = std::mem::replace(&mut self.lifetime, lifetime);
        (before == Lifetime::Keep).then_some(words)
    }

    /// The increment and the bounds, as numbers that `parse` understands; `kind` says which, for an error.
    fn numbers<T: Copy + Ord>(
        &self,
        args: &Args<'_>,
        parse: impl Fn(&[u8]) -> Option<T>,
        kind: &str,
        [one, least, greatest]: [T; 3],
    ) -> Result<Numbers<T>, CommandError> {
        let number = |index: Option<usize>, name: &str, default| match index {
            Some(index) => parse(&args[index]).ok_or_else(|| format!("ERR {name} is not {kind}").into()),
            None => Ok::<_, CommandError>(default),
        };
        let increment = number(self.increment, "Increment", one)?;
        let lower = number(self.lower, "LBOUND", least)?.clamp(least, greatest);
        let upper = number(self.upper, "UBOUND", greatest)?.clamp(least, greatest);
        if lower > upper {
            return Err("ERR LBOUND can't be greater than UBOUND".into());
        }
        Ok(Numbers { increment, lower, upper })
    }
}

/// The parsed increment and bounds.
struct Numbers<T> {
    /// What is added.
    increment: T,
    /// The least result.
    lower: T,
    /// The greatest result.
    upper: T,
}

/// `INCREX key [BYFLOAT increment | BYINT increment] [SATURATE] [LBOUND bound] [UBOUND bound] [EX seconds | PX milliseconds
/// | EXAT seconds-since-1970 | PXAT milliseconds-since-1970 | PERSIST] [ENX]`
pub(super) fn increx(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let options = Options::parse(args)?;
    if options.is_float {
        add_float(context, args, &options, reply)
    } else {
        add(context, args, &options, reply)
    }
}

/// Adds to an integer.
fn add(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    options: &Options,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let kind = "an integer or out of range";
    let numbers = options.numbers(args, parse_i64, kind, [1, i64::MIN, i64::MAX])?;
    let until = until(context, args, options)?;
    let (before, expire_at_ms) = integer_of(context, &args[1])?;
    let sum = i128::from(before) + i128::from(numbers.increment);
    let bounded = sum.clamp(i128::from(numbers.lower), i128::from(numbers.upper));
    reply.array(2);
    if bounded != sum && !options.saturates {
        reply.integer(before);
        reply.integer(0);
        return Ok(());
    }
    let applied = i64::try_from(bounded - i128::from(before))
        .map_err(|_| CommandError::from("ERR applied increment would overflow"))?;
    let mut text = itoa::Buffer::new();
    let result = Added { text: text.format(bounded).as_bytes(), event: "incrby", expire_at_ms };
    store(context, args, options, (result, until))?;
    reply.integer(bounded as i64);
    reply.integer(applied);
    Ok(())
}

/// Adds to a floating point number.
fn add_float(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    options: &Options,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let limits = [Extended::ZERO, Extended::MIN, Extended::MAX];
    let numbers = options.numbers(args, Extended::parse, "a valid float", limits)?;
    if !numbers.increment.is_finite() {
        return Err("ERR BYFLOAT increment cannot be Infinity".into());
    }
    let until = until(context, args, options)?;
    let (before, expire_at_ms) = float_of(context, &args[1])?;
    if !before.is_finite() {
        return Err("ERR value cannot be Infinity".into());
    }
    let sum = before.checked_add(numbers.increment);
    let within = sum.filter(|sum| (numbers.lower..=numbers.upper).contains(sum));
    reply.array(2);
    if within.is_none() && !options.saturates {
        reply.double_text(&before.format());
        reply.double_text("0");
        return Ok(());
    }
    let beyond = if numbers.increment.is_negative() { Extended::MIN } else { Extended::MAX };
    let bounded = sum.unwrap_or(beyond).clamp(numbers.lower, numbers.upper);
    let applied = match within {
        Some(_) => numbers.increment,
        None => bounded
            .checked_sub(before)
            .ok_or(CommandError::from("ERR applied increment would produce Infinity"))?,
    };
    let text = bounded.format();
    let result = Added { text: text.as_bytes(), event: "incrbyfloat", expire_at_ms };
    store(context, args, options, (result, until))?;
    reply.double_text(&text);
    reply.double_text(&applied.format());
    Ok(())
}

/// The expiry that the options name.
fn until(context: &WriteCtx<'_>, args: &Args<'_>, options: &Options) -> Result<Option<u64>, CommandError> {
    match options.lifetime {
        Lifetime::Until(form, index) => form.expiry(&args[index], context.now_ms, "increx").map(Some),
        Lifetime::Keep | Lifetime::Persist => Ok(None),
    }
}

/// A sum to be stored.
struct Added<'a> {
    /// The sum.
    text: &'a [u8],
    /// The name of the event.
    event: &'static str,
    /// The expiry that the key has.
    expire_at_ms: Option<u64>,
}

/// Stores the sum, with the expiry that the options name, `until`. If that has already passed, the key is deleted.
fn store(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    options: &Options,
    (added, until): (Added<'_>, Option<u64>),
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let until = until.filter(|_| !(options.if_endless && added.expire_at_ms.is_some()));
    if until.is_some_and(|expiry| expiry <= context.now_ms) {
        if context.keys.info(db, key)?.is_some() {
            context.keys.apply(&Effect::on(db, key, KeyChange::Delete { expired: true }))?;
            context.keys.event(Classes::GENERIC, "del", db, key);
        }
        return Ok(());
    }
    let persists = options.lifetime == Lifetime::Persist;
    let kept = added.expire_at_ms.filter(|_| !persists);
    let change = StringChange::Set { value: added.text, expire_at_ms: until.or(kept), raw: false };
    let effect = Effect::on(db, key, change);
    match until {
        Some(_) => context.keys.apply(&effect)?,
        None => context.keys.reborrow().keeping_expiries().apply(&effect)?,
    }
    context.keys.event(Classes::STRING, added.event, db, key);
    if until.is_some() {
        context.keys.event(Classes::GENERIC, "expire", db, key);
    } else if persists && added.expire_at_ms.is_some() {
        context.keys.event(Classes::GENERIC, "persist", db, key);
    }
    Ok(())
}
