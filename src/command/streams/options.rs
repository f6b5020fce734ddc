//! The options of `XADD` and `XTRIM`.

use super::ids::{self, Seq};
use super::{CommandError, words};
use crate::effect::EntryId;
use crate::keyspace::{KeyspaceError, Stream};
use crate::resp::Args;
use crate::table::View;

/// Which entries are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Threshold {
    /// The first ones, until as many are left.
    MaxLen(u64),
    /// Those with lower IDs.
    MinId(EntryId),
}

/// How a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trim {
    /// What is kept.
    threshold: Threshold,
    /// The most entries to delete; 0: no limit. `~` allows to delete fewer than asked for, but that would save nothing
    /// here.
    limit: u64,
}

/// The options of `XADD`, or of `XTRIM`.
pub(super) struct Options {
    /// How the stream is trimmed, if it is.
    pub trim: Option<Trim>,
    /// Whether a missing stream is created.
    pub creates: bool,
    /// The ID of the entry; `None`: it is generated.
    pub id: Option<(u64, Seq)>,
    /// Index of the word after the options; for `XADD`, that of the ID.
    pub end: usize,
}

impl Options {
    /// Parses the options from word 2 on.
    pub fn parse(args: &Args<'_>, adds: bool) -> Result<Self, CommandError> {
        let mut options = Self { trim: None, creates: true, id: None, end: args.len() };
        let (mut threshold, mut is_approximate, mut limit) = (None, false, None);
        let mut at = 2;
        while let Some(word) = args.get(at) {
            let more = args.len() - 1 - at;
            if adds && word == b"*" {
                options.end = at;
                break;
            } else if more > 0 && (words::is(word, "maxlen") || words::is(word, "minid")) {
                if threshold.is_some() {
                    return Err(
                        "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
                            .into(),
                    );
                }
                let sign = (more >= 2).then(|| &args[at + 1]).filter(|sign| matches!(*sign, b"~" | b"="));
                is_approximate = sign == Some(b"~");
                at += 1 + usize::from(sign.is_some());
                threshold = Some(Threshold::parse(word, &args[at])?);
            } else if more > 0 && words::is(word, "limit") {
                at += 1;
                let number = u64::try_from(words::integer(&args[at])?);
                limit = Some(number.map_err(|_| "ERR The LIMIT argument must be >= 0.")?);
            } else if adds && words::is(word, "nomkstream") {
                options.creates = false;
            } else if adds {
                (options.id, options.end) = (Some(ids::new(word)?), at);
                break;
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 1;
        }
        if limit.is_some_and(|limit| limit > 0) && threshold.is_none() {
            return Err(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy".into()
            );
        }
        if !adds && threshold.is_none() {
            return Err("ERR syntax error, XTRIM must be called with a trimming strategy".into());
        }
        if limit.is_some() && !is_approximate {
            return Err("ERR syntax error, LIMIT cannot be used without the special ~ option".into());
        }
        options.trim = threshold.map(|threshold| Trim { threshold, limit: limit.unwrap_or(0) });
        Ok(options)
    }
}

impl Threshold {
    /// Parses the word after `MAXLEN` or `MINID`.
    fn parse(option: &[u8], word: &[u8]) -> Result<Self, CommandError> {
        if words::is(option, "minid") {
            return Ok(Threshold::MinId(ids::any(word, 0)?));
        }
        let len = u64::try_from(words::integer(word)?);
        Ok(Threshold::MaxLen(len.map_err(|_| "ERR The MAXLEN argument must be >= 0.")?))
    }
}

impl Trim {
    /// The last entry to delete, and how many are deleted with it; `None` if nothing is.
    pub fn of(&self, view: &View<'_>, stream: &Stream<'_>) -> Result<Option<(EntryId, u64)>, KeyspaceError> {
        let excess = match self.threshold {
            Threshold::MaxLen(len) => stream.len()?.saturating_sub(len),
            Threshold::MinId(id) => stream.position(view, id)?,
        };
        let count = if self.limit == 0 { excess } else { excess.min(self.limit) };
        if count == 0 {
            return Ok(None);
        }
        Ok(stream.id_at(view, count - 1)?.map(|id| (id, count)))
    }
}
