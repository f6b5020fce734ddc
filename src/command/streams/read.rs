//! `XREAD`, and the words that it has in common with `XREADGROUP`.

use super::*;
use crate::command::Wait;
use crate::command::local::timeout_ms;
use crate::keyspace::Kind;
use crate::resp::Args;

/// The words of `XREAD` or `XREADGROUP`.
#[derive(Default)]
pub(super) struct Words<'a> {
    /// The most entries of each stream; 0: all.
    pub count: u64,
    /// Whether the command blocks if there is no entry, and its timeout in milliseconds; 0: none.
    block_ms: Option<u64>,
    /// The group and the consumer.
    pub group: Option<(&'a [u8], &'a [u8])>,
    /// Whether delivered entries count as acknowledged.
    pub no_ack: bool,
    /// Whether pending entries are claimed before, and how many milliseconds ago these were delivered at least.
    pub claim_ms: Option<u64>,
    /// The streams, each with the ID after which it is read.
    pub streams: Vec<(&'a [u8], &'a [u8])>,
    /// Index of the first ID among the words.
    first_id: usize,
}

impl<'a> Words<'a> {
    /// Parses the words. `in_group`: those of `XREADGROUP`.
    pub fn parse(args: &Args<'a>, in_group: bool) -> Result<Self, CommandError> {
        let mut words = Self::default();
        let mut at = 1;
        while let Some(word) = args.get(at) {
            let more = args.len() - 1 - at;
            if more > 0 && words::is(word, "block") {
                at += 1;
                words.block_ms = Some(timeout_ms(&args[at])?);
            } else if more > 0 && words::is(word, "count") {
                at += 1;
                words.count = words::integer(&args[at])?.max(0) as u64;
            } else if more > 0 && words::is(word, "streams") {
                words.take_streams(args, at + 1, in_group)?;
                break;
            } else if more > 1 && words::is(word, "group") {
                let names = args.get(at + 1).zip(args.get(at + 2)).filter(|_| in_group);
                words.group = Some(names.ok_or_else(|| only_in_group("GROUP"))?);
                at += 2;
            } else if words::is(word, "noack") {
                words.no_ack = in_group.then_some(true).ok_or_else(|| only_in_group("NOACK"))?;
            } else if in_group && more > 0 && words::is(word, "claim") {
                at += 1;
                let number = args.integer(at).ok_or("ERR min-idle-time is not an integer")?;
                let number = u64::try_from(number);
                words.claim_ms = Some(number.map_err(|_| "ERR min-idle-time must be a positive integer")?);
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 1;
        }
        if words.first_id == 0 {
            return Err(CommandError::SYNTAX);
        }
        if in_group && words.group.is_none() {
            return Err("ERR Missing GROUP option for XREADGROUP".into());
        }
        Ok(words)
    }

    /// Parses the words from `first` on: keys, and as many IDs.
    fn take_streams(&mut self, args: &Args<'a>, first: usize, in_group: bool) -> Result<(), CommandError> {
        let len = args.len() - first;
        if !len.is_multiple_of(2) {
            let (name, symbol) = if in_group { ("xreadgroup", '>') } else { ("xread", '$') };
            return Err(format!(
                "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{symbol}' must be specified."
            )
            .into());
        }
        self.first_id = first + len / 2;
        self.streams = args.from(first).take(len / 2).zip(args.from(self.first_id)).collect();
        Ok(())
    }

    /// What the command waits for, if it blocks.
    pub fn wait(&self) -> Option<Wait> {
        let timeout_ms = self.block_ms?;
        let keys = self.streams.iter().map(|(key, _)| *key);
        let wait = Wait::new(Kind::Stream, keys, (timeout_ms > 0).then_some(timeout_ms), 1);
        Some(Wait { group: self.group.map(|(group, _)| group.into()), ..wait })
    }
}

/// The error of an option that only readers in a group have.
fn only_in_group(option: &str) -> CommandError {
    format!("ERR The {option} option is only supported by XREADGROUP. You called XREAD instead.").into()
}

/// A stream that has entries for the reader.
struct Found<'a> {
    /// Its key.
    key: &'a [u8],
    /// The stream.
    stream: Stream<'a>,
    /// The IDs that are read.
    range: IdRange,
}

/// `XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]`
pub(super) fn xread(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let words = Words::parse(args, false)?;
    let view = context.keys.view();
    let (mut found, mut settled) = (Vec::new(), Vec::new());
    for (index, (key, id)) in words.streams.iter().enumerate() {
        let stream = stream_of(context, key)?;
        let after = match *id {
            b"$" => {
                let last = stream.map_or(EntryId::MIN, |stream| stream.past.last);
                settled.push((words.first_id + index, last.to_string().into_bytes().into()));
                last
            }
            // The last entry, whatever it is.
            b"+" => match stream.map(|stream| stream.last(view)).transpose()?.flatten() {
                Some(last) => last.previous().unwrap_or_default(),
                None => {
                    settled.push((words.first_id + index, b"0-0"[..].into()));
                    EntryId::MIN
                }
            },
            b">" => {
                return Err("ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                            <group> <consumer> option."
                    .into());
            }
            id => ids::strict(id)?,
        };
        let (Some(stream), Some(range)) = (stream, IdRange::after(after)) else { continue };
        if stream.last(view)?.is_some_and(|last| last > after) {
            found.push(Found { key, stream, range });
        }
    }
    if found.is_empty() {
        context.wait = words.wait().filter(|_| context.may_wait).map(|wait| Wait { settled, ..wait });
        if context.wait.is_none() {
            reply.null_array();
        }
        return Ok(());
    }
    start(reply, found.len());
    for Found { key, stream, range } in found {
        start_stream(reply, key);
        reply_range(reply, view, &stream, (range, false, words.count))?;
    }
    Ok(())
}

/// Writes the start of the reply: the number of streams.
pub(super) fn start(reply: &mut Reply<'_>, streams: usize) {
    if reply.is_resp3() { reply.map(streams) } else { reply.array(streams) }
}

/// Writes the start of what is read of one stream; the entries follow.
pub(super) fn start_stream(reply: &mut Reply<'_>, key: &[u8]) {
    if !reply.is_resp3() {
        reply.array(2);
    }
    reply.bulk(key);
}
