//! `XADD` with `IDMP` or `IDMPAUTO`, and `XCFGSET`: an entry that a producer sends twice is added once. Since Redis 8.6.

use sha2::{Digest, Sha256};

use super::*;
use crate::effect::DIGEST_BYTES;
use crate::keyspace::Producers;
use crate::resp::Args;

/// The longest time for which messages are remembered, in seconds.
const DURATION_S_MAX: u64 = 86_400;
/// The most messages that are remembered of a producer.
const SIZE_MAX: u64 = 10_000;

/// Who adds an entry, and with which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Once<'a> {
    /// The producer.
    producer: &'a [u8],
    /// The name of the message; `None`: it follows from the fields.
    name: Option<&'a [u8]>,
}

impl<'a> Once<'a> {
    /// Reads the option at `at`, if it is one; the words of it are checked. Returns the index of its last word, too.
    pub fn parse(args: &Args<'a>, at: usize) -> Result<Option<(Self, usize)>, CommandError> {
        let (option, more) = (&args[at], args.len() - 1 - at);
        let names_message = words::is(option, "idmp") && more > 1;
        let is_automatic = words::is(option, "idmpauto") && more > 0;
        if !names_message && !is_automatic {
            return Ok(None);
        }
        let producer = args.get(at + 1).unwrap_or_default();
        let name = args.get(at + 2).filter(|_| names_message);
        let option = if names_message { "IDMP" } else { "IDMPAUTO" };
        if producer.is_empty() {
            return Err(format!("ERR {option} requires a non-empty producer ID").into());
        }
        if name.is_some_and(<[u8]>::is_empty) {
            return Err("ERR IDMP requires a non-empty idempotent ID".into());
        }
        check_name(producer, "producer ID")?;
        Ok(Some((Self { producer, name }, at + 1 + usize::from(names_message))))
    }

    /// The message, if these are the fields and values of the entry.
    pub fn message<'w>(self, words: impl Iterator<Item = &'w [u8]>) -> Sent<'a> {
        let digest = match self.name {
            Some(name) => Sha256::new().chain_update([1]).chain_update(name).finalize(),
            None => digest_of_fields(words),
        };
        Sent { producer: self.producer, digest: digest.into() }
    }
}

/// A digest of fields and values that does not depend on their order.
fn digest_of_fields<'w>(mut words: impl Iterator<Item = &'w [u8]>) -> sha2::digest::Output<Sha256> {
    let mut pairs = Vec::new();
    while let (Some(field), Some(value)) = (words.next(), words.next()) {
        pairs.push((field, value));
    }
    pairs.sort_unstable();
    let mut digest = Sha256::new().chain_update([0]);
    for (field, value) in pairs {
        for word in [field, value] {
            digest.update((word.len() as u64).to_le_bytes());
            digest.update(word);
        }
    }
    digest.finalize()
}

/// A message of a producer.
pub(super) struct Sent<'a> {
    /// The producer.
    producer: &'a [u8],
    /// The digest of the message.
    digest: [u8; DIGEST_BYTES],
}

impl Sent<'_> {
    /// The entry that was added with the message before; counts that it is sent again.
    pub fn before(&self, context: &mut WriteCtx<'_>, key: &[u8]) -> Result<Option<EntryId>, CommandError> {
        let now_ms = context.now_ms;
        let found = with_stream(context, key, |view, stream| {
            let Some(stream) = stream else { return Ok(None) };
            let id = stream.sent(view, (self.producer, &self.digest), now_ms)?;
            Ok(id.zip(stream.producers(view)?))
        })?;
        let Some((id, producers)) = found else { return Ok(None) };
        let Producers { duration_s, size_max, added, duplicates } = producers;
        let duplicates = duplicates.saturating_add(1);
        let change = StreamChange::SetProducers { duration_s, size_max, added, duplicates, forgets: false };
        change_group(context, key, change)?;
        Ok(Some(id))
    }

    /// Remembers that an entry was added with the message.
    pub fn remember(&self, context: &mut WriteCtx<'_>, key: &[u8], id: EntryId) -> Result<(), KeyspaceError> {
        let Self { producer, ref digest } = *self;
        change_group(context, key, StreamChange::Remember { producer, digest, now_ms: context.now_ms, id })
    }
}

/// `XCFGSET key [IDMP-DURATION idmp-duration] [IDMP-MAXSIZE idmp-maxsize]`
pub(super) fn xcfgset(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (mut duration_s, mut size_max) = (None, None);
    let mut rest = args.from(2);
    while let Some(option) = rest.next() {
        let (name, most, set) = match option {
            option if words::is(option, "idmp-duration") => {
                ("IDMP-DURATION", DURATION_S_MAX, &mut duration_s)
            }
            option if words::is(option, "idmp-maxsize") => ("IDMP-MAXSIZE", SIZE_MAX, &mut size_max),
            _ => return Err(CommandError::SYNTAX),
        };
        let number = words::integer(rest.next().ok_or(CommandError::SYNTAX)?)?;
        let number = u64::try_from(number).ok().filter(|number| (1..=most).contains(number));
        *set = Some(number.ok_or_else(|| format!("ERR {name} must be between 1 and {most}"))?);
    }
    if duration_s.is_none() && size_max.is_none() {
        return Err("ERR At least one parameter must be specified".into());
    }
    let key = &args[1];
    let old = with_stream(context, key, |view, stream| {
        Ok(stream.ok_or(CommandError::NO_SUCH_KEY)?.producers(view)?)
    })?;
    let Producers { added, duplicates, .. } = old.unwrap_or_default();
    let before = old.unwrap_or_default();
    let duration_s = duration_s.unwrap_or(before.duration_s);
    let size_max = size_max.unwrap_or(before.size_max);
    let forgets = (duration_s, size_max) != (before.duration_s, before.size_max);
    if forgets || old.is_none() {
        let change = StreamChange::SetProducers { duration_s, size_max, added, duplicates, forgets };
        change_group(context, key, change)?;
    }
    reply.ok();
    Ok(())
}
