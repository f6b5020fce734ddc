//! The options of `XADD` and `XTRIM`.

use super::ids::{self, Seq};
use super::once::Once;
use super::references::{self, References};
use super::{CommandError, words};
use crate::effect::EntryId;
use crate::keyspace::{IdRange, KeyspaceError, Stream};
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
    /// What becomes of what groups have pending of the deleted entries.
    pub references: References,
}

/// The options of `XADD`, or of `XTRIM`.
pub(super) struct Options<'a> {
    /// Whether the entry is added once, if its producer sends it twice.
    pub once: Option<Once<'a>>,
    /// How the stream is trimmed, if it is.
    pub trim: Option<Trim>,
    /// Whether a missing stream is created.
    pub creates: bool,
    /// The ID of the entry; `None`: it is generated.
    pub id: Option<(u64, Seq)>,
    /// Index of the word after the options; for `XADD`, that of the ID.
    pub end: usize,
}

impl<'a> Options<'a> {
    /// Parses the options from word 2 on.
    pub fn parse(args: &Args<'a>, adds: bool) -> Result<Self, CommandError> {
        let mut options = Self { once: None, trim: None, creates: true, id: None, end: args.len() };
        let (mut threshold, mut is_approximate, mut limit) = (None, false, None);
        let mut references = None;
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
            } else if let Some(option) = References::parse(word) {
                if references.replace(option).is_some() {
                    return Err(CommandError::SYNTAX);
                }
            } else if let Some((once, last)) = adds.then(|| Once::parse(args, at)).transpose()?.flatten() {
                if options.once.replace(once).is_some() {
                    return Err("ERR IDMP/IDMPAUTO specified multiple times".into());
                }
                at = last;
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
        if options.once.is_some() && options.id.is_some() {
            return Err("ERR IDMP/IDMPAUTO can be used only with auto-generated IDs".into());
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
        let (limit, references) = (limit.unwrap_or(0), references.unwrap_or_default());
        options.trim = threshold.map(|threshold| Trim { threshold, limit, references });
        Ok(options)
    }
}

impl Threshold {
    /// Parses the word after `MAXLEN` or `MINID`.
    fn parse(option: &[u8], word: &[u8]) -> Result<Self, CommandError> {
        if words::is(option, "minid") {
            return Ok(Threshold::MinId(ids::strict(word)?));
        }
        let len = u64::try_from(words::integer(word)?);
        Ok(Threshold::MaxLen(len.map_err(|_| "ERR The MAXLEN argument must be >= 0.")?))
    }
}

impl Trim {
    /// Number of entries to delete, and the ID below which all are.
    fn excess(&self, view: &View<'_>, stream: &Stream<'_>) -> Result<(u64, Option<EntryId>), KeyspaceError> {
        let excess = match self.threshold {
            Threshold::MaxLen(len) => stream.len()?.saturating_sub(len),
            Threshold::MinId(id) => stream.position(view, id)?,
        };
        let below = match self.threshold {
            Threshold::MaxLen(_) => None,
            Threshold::MinId(id) => Some(id),
        };
        Ok((if self.limit == 0 { excess } else { excess.min(self.limit) }, below))
    }

    /// The entries to delete.
    pub fn of(&self, view: &View<'_>, stream: &Stream<'_>) -> Result<Trimmed, KeyspaceError> {
        let (count, below) = self.excess(view, stream)?;
        if count == 0 {
            return Ok(Trimmed::default());
        }
        if self.references == References::Acked {
            return acked(view, stream, (count, below));
        }
        let up_to = stream.id_at(view, count - 1)?.map(|id| (id, count));
        let mut trimmed = Trimmed { up_to, ..Trimmed::default() };
        if let (References::Delete, Some((last, _))) = (self.references, up_to) {
            let range = IdRange { first: EntryId::MIN, last };
            stream.each_group(view, |_, group| {
                stream.each_pending(view, (group, None), range, |id, _| {
                    if stream.contains(view, id)? {
                        trimmed.pending.push(id);
                    }
                    Ok::<_, KeyspaceError>(true)
                })
            })?;
            trimmed.pending.sort_unstable();
            trimmed.pending.dedup();
        }
        Ok(trimmed)
    }
}

/// The first entries that no group refers to, `count` at most: those before all others, and the rest.
fn acked(
    view: &View<'_>,
    stream: &Stream<'_>,
    (count, below): (u64, Option<EntryId>),
) -> Result<Trimmed, KeyspaceError> {
    let (mut trimmed, mut is_first) = (Trimmed::default(), true);
    stream.each(view, IdRange::ALL, false, |id, _| {
        if below.is_some_and(|below| id >= below) {
            return Ok(false);
        }
        if references::are_left(view, stream, id)? {
            is_first = false;
        } else if is_first {
            let before = trimmed.up_to.map_or(0, |(_, count)| count);
            trimmed.up_to = Some((id, before + 1));
        } else {
            trimmed.others.push(id);
        }
        Ok::<_, KeyspaceError>(trimmed.len() < count)
    })?;
    Ok(trimmed)
}

/// Entries to be deleted.
#[derive(Default)]
pub(super) struct Trimmed {
    /// The last of the first entries, and how many these are; `None` if none are.
    pub up_to: Option<(EntryId, u64)>,
    /// Entries behind others that stay.
    pub others: Vec<EntryId>,
    /// Those that groups have pending, and that must not stay so.
    pub pending: Vec<EntryId>,
}

impl Trimmed {
    /// Number of entries.
    pub fn len(&self) -> u64 {
        self.up_to.map_or(0, |(_, count)| count) + self.others.len() as u64
    }
}
