//! `RESTORE`: a value from a payload, see [`rdb`](crate::rdb).

use super::restored::{BAD_FORMAT, Restored};
use super::restored_stream::RestoredStream;
use crate::command::{CommandError, WriteCtx, sources, words};
use crate::keyspace::{Classes, Creation};
use crate::rdb::{self, Input, StreamType};
use crate::resp::{Args, Reply};

/// The key has a value, and must not be replaced.
const BUSY_KEY: &str = "BUSYKEY Target key name already exists.";
/// The expiry is negative, or too late to be counted.
const INVALID_TTL: &str = "ERR Invalid TTL value, must be >= 0";
/// The highest access frequency.
const FREQUENCY_MAX: i64 = 255;

/// The options of `RESTORE`.
#[derive(Default)]
struct Options {
    /// `REPLACE`: an existing value is replaced.
    replaces: bool,
    /// `ABSTTL`: the expiry is counted from 1970.
    is_absolute: bool,
}

impl Options {
    /// Parses the words after the payload. Access times and frequencies are checked, but not kept: they are not tracked.
    fn parse(args: &Args<'_>) -> Result<Self, CommandError> {
        let (mut options, mut is_idle, mut is_frequent) = (Self::default(), false, false);
        let mut rest = args.from(4);
        while let Some(word) = rest.next() {
            if words::is(word, "replace") {
                options.replaces = true;
            } else if words::is(word, "absttl") {
                options.is_absolute = true;
            } else if words::is(word, "idletime") && !is_frequent {
                let seconds = words::integer(rest.next().ok_or(CommandError::SYNTAX)?)?;
                if seconds < 0 {
                    return Err("ERR Invalid IDLETIME value, must be >= 0".into());
                }
                is_idle = true;
            } else if words::is(word, "freq") && !is_idle {
                let frequency = words::integer(rest.next().ok_or(CommandError::SYNTAX)?)?;
                if !(0..=FREQUENCY_MAX).contains(&frequency) {
                    return Err("ERR Invalid FREQ value, must be >= 0 and <= 255".into());
                }
                is_frequent = true;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// When the key expires, in milliseconds since 1970, given the word of its `ttl`.
    fn expiry(&self, word: &[u8], now_ms: u64) -> Result<Option<u64>, CommandError> {
        let amount = u64::try_from(words::integer(word)?).map_err(|_| INVALID_TTL)?;
        let base_ms = if self.is_absolute { 0 } else { now_ms };
        let expiry = amount.checked_add(base_ms).filter(|expiry| i64::try_from(*expiry).is_ok());
        Ok(Some(expiry.ok_or(INVALID_TTL)?).filter(|_| amount > 0))
    }
}

/// Reads type and value of a payload.
fn read(mut input: Input<'_>) -> Result<Box<dyn Creation + '_>, CommandError> {
    let number = input.byte().map_err(|_| BAD_FORMAT)?;
    Ok(match StreamType::of(number) {
        Some(of) => Box::new(RestoredStream::read(of, input)?),
        None => Box::new(Restored::read(number, input)?),
    })
}

/// `RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`
pub(super) fn restore(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let options = Options::parse(args)?;
    if !options.replaces && sources::read(context, |keys| Ok(keys.peek(db, key)?.is_some()))? {
        return Err(BUSY_KEY.into());
    }
    let expire_at_ms = options.expiry(&args[2], context.now_ms)?;
    let input = rdb::open(&args[3]).map_err(|error| CommandError::from(format!("ERR {error}")))?;
    let restored = read(input)?;
    if expire_at_ms.is_some_and(|expiry| expiry <= context.now_ms) {
        context.keys.replace_by_nothing(db, key)?;
    } else {
        context.keys.create((db, key), &*restored, expire_at_ms, (Classes::GENERIC, "restore"))?;
    }
    reply.ok();
    Ok(())
}
