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
        let mut parsed = Parsed::default();
        let (mut end, mut id) = (2, None);
        while let Some(word) = args.get(end) {
            if adds && word == b"*" {
                break;
            }
            match parsed.option(args, end, adds)? {
                Some(next) => end = next,
                None if adds => {
                    id = Some(ids::new(word)?);
                    break;
                }
                None => return Err(CommandError::SYNTAX),
            }
        }
        let (once, creates) = (parsed.once, !parsed.creates_nothing);
        if once.is_some() && id.is_some() {
            return Err("ERR IDMP/IDMPAUTO can be used only with auto-generated IDs".into());
        }
        Ok(Self { once, trim: parsed.trim(adds)?, creates, id, end })
    }
}

/// The options so far.
#[derive(Default)]
struct Parsed<'a> {
    /// `IDMP` or `IDMPAUTO`.
    once: Option<Once<'a>>,
    /// `NOMKSTREAM`.
    creates_nothing: bool,
    /// `MAXLEN` or `MINID`.
    threshold: Option<Threshold>,
    /// `~`.
    is_approximate: bool,
    /// `LIMIT`.
    limit: Option<u64>,
    /// `KEEPREF`, `DELREF` or `ACKED`.
    references: Option<References>,
}

impl<'a> Parsed<'a> {
    /// Parses the option at `at`. Returns the index of the word after it; `None` if it is no option.
    fn option(&mut self, args: &Args<'a>, at: usize, adds: bool) -> Result<Option<usize>, CommandError> {
        let (word, more) = (&args[at], args.len() - 1 - at);
        if more > 0 && (words::is(word, "maxlen") || words::is(word, "minid")) {
            return self.threshold(args, at).map(Some);
        }
        if more > 0 && words::is(word, "limit") {
            let number = u64::try_from(words::integer(&args[at + 1])?);
            self.limit = Some(number.map_err(|_| "ERR The LIMIT argument must be >= 0.")?);
            return Ok(Some(at + 2));
        }
        if let Some(option) = References::parse(word) {
            return match self.references.replace(option) {
                None => Ok(Some(at + 1)),
                Some(_) => Err(CommandError::SYNTAX),
            };
        }
        if adds && let Some((once, last)) = Once::parse(args, at)? {
            return match self.once.replace(once) {
                None => Ok(Some(last + 1)),
                Some(_) => Err("ERR IDMP/IDMPAUTO specified multiple times".into()),
            };
        }
        let creates_nothing = adds && words::is(word, "nomkstream");
        self.creates_nothing |= creates_nothing;
        Ok(creates_nothing.then_some(at + 1))
    }

    /// Parses `MAXLEN` or `MINID` at `at`. Returns the index of the word after the threshold.
    fn threshold(&mut self, args: &Args<'_>, at: usize) -> Result<usize, CommandError> {
        if self.threshold.is_some() {
            return Err(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible".into()
            );
        }
        let sign =
            args.get(at + 2).and_then(|_| args.get(at + 1)).filter(|sign| matches!(*sign, b"~" | b"="));
        self.is_approximate = sign == Some(b"~");
        let at_threshold = at + 1 + usize::from(sign.is_some());
        self.threshold = Some(Threshold::parse(&args[at], &args[at_threshold])?);
        Ok(at_threshold + 1)
    }

    /// How the stream is trimmed, if it is.
    fn trim(self, adds: bool) -> Result<Option<Trim>, CommandError> {
        let Self { threshold, is_approximate, limit, references, .. } = self;
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
        Ok(threshold.map(|threshold| Trim { threshold, limit, references }))
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
