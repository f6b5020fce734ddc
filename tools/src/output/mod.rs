//! Output formats for records: one file each, all behind [`Printer`].
//!
//! Invariant: a printer writes only data, and only to the writer it is given. It keeps nothing between records, except
//! the expiry times that [`resp`] holds back.

pub mod csv;
pub mod fields;
pub mod hex;
pub mod jsonl;
pub mod resp;
pub mod text;

use std::borrow::Cow;
use std::io::{self, Write};

use ackd::effect::{
    Change, Effect, EffectError, EntryId, Items, Score, SortedSetChange, StreamChange, count_from_bytes,
};
use ackd::number::format_f64;
use clap::ValueEnum;

use crate::cli::{Format, ShowArgs};
use crate::origins::Caused;
use crate::style::Style;

/// A record and its place.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// The record's number.
    pub lsn: u64,
    /// File name of its segment.
    pub segment: &'a str,
    /// Offset in bytes of its group in the segment.
    pub offset: u64,
    /// When its group was written, in microseconds since 1970.
    pub wall_micros: u64,
    /// Number of its group.
    pub group: u64,
    /// Its place in the group, from 0.
    pub index: u32,
    /// Records in the group.
    pub count: u32,
    /// Its payload.
    pub payload: &'a [u8],
    /// Who caused it, if known.
    pub caused: Option<&'a Caused>,
    /// Whether it comes after damage, so that earlier records may be missing.
    pub salvaged: bool,
}

/// A record's wanted effects, decoded.
#[derive(Clone, Copy, Debug)]
pub struct DecodedView<'a> {
    /// The command that made the record.
    pub command_id: u16,
    /// Number of all its effects, wanted or not.
    pub count: u64,
    /// The wanted effects, each with its place among all.
    pub effects: &'a [(u64, Effect<'a>)],
}

/// Prints records in one format.
pub trait Printer {
    /// Writes what comes before the first record.
    fn start(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Writes a record with its wanted effects.
    fn record(
        &mut self,
        out: &mut dyn Write,
        record: &RecordView<'_>,
        decoded: &DecodedView<'_>,
    ) -> io::Result<()>;

    /// Writes a record whose checksum matches but whose payload cannot be read.
    fn unreadable(
        &mut self,
        out: &mut dyn Write,
        record: &RecordView<'_>,
        error: &EffectError,
    ) -> io::Result<()>;

    /// Writes what comes after the last record.
    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// The printer that the command line asks for; `now_ms` is the current time, in milliseconds since 1970.
pub fn printer(args: &ShowArgs, style: Style, now_ms: u64) -> Box<dyn Printer> {
    let default = if args.format == Format::Text { Values::Head(64) } else { Values::Full };
    let bytes = ByteText { values: args.values.unwrap_or(default), escape: args.escape };
    match args.format {
        Format::Text => Box::new(text::Text::new(bytes, style)),
        Format::Jsonl => Box::new(jsonl::Jsonl::new(bytes)),
        Format::Csv => Box::new(csv::Csv::new(bytes)),
        Format::Resp => Box::new(resp::Resp::new(now_ms)),
        Format::Hex => Box::new(hex::Hex::new(bytes)),
    }
}

/// How much of a value is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Nothing.
    None,
    /// At most N bytes.
    Head(usize),
    /// All of it.
    Full,
}

impl Values {
    /// Parses `none`, `head:BYTES` or `full`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let head = || text.strip_prefix("head:")?.parse().ok().map(Self::Head);
        match text {
            "none" => Ok(Self::None),
            "full" => Ok(Self::Full),
            _ => head().ok_or_else(|| "expected none, head:BYTES or full".into()),
        }
    }

    /// The part of `value` to print, and whether it is cut; `None` for nothing.
    pub fn part(self, value: &[u8]) -> Option<(&[u8], bool)> {
        match self {
            Self::None => None,
            Self::Head(bytes) if bytes < value.len() => Some((&value[..bytes], true)),
            Self::Head(_) | Self::Full => Some((value, false)),
        }
    }

    /// The items of an effect to print, together no longer than a value may be, and whether some are left out. Scores,
    /// and the IDs of entries of streams, become text.
    pub fn items<'a>(self, effect: &Effect<'a>, items: Items<'a>) -> (Vec<Cow<'a, [u8]>>, bool) {
        let mut left = match self {
            Self::None => return (Vec::new(), false),
            Self::Head(bytes) => bytes,
            Self::Full => usize::MAX,
        };
        let mut shown = Vec::new();
        let scored =
            matches!(effect, Effect::Key { change: Change::SortedSet(SortedSetChange::Add { .. }), .. });
        let stream = match effect {
            Effect::Key { change: Change::Stream(change), .. } => Some(change),
            _ => None,
        };
        for (place, item) in items.iter().enumerate() {
            let item = match stream {
                Some(change) => of_stream(change, place, item),
                None if scored && place % 2 == 1 => score(item),
                None => Cow::Borrowed(item),
            };
            match left.checked_sub(item.len()) {
                Some(rest) => left = rest,
                None => return (shown, true),
            }
            shown.push(item);
        }
        (shown, false)
    }
}

/// The bytes of a score as a number in text.
pub fn score(bytes: &[u8]) -> Cow<'_, [u8]> {
    match Score::from_bytes(bytes) {
        Some(score) => Cow::Owned(format_f64(score.get()).into_bytes()),
        None => Cow::Borrowed(bytes),
    }
}

/// An item of a change of a stream: IDs and numbers of deliveries become text.
fn of_stream<'a>(change: &StreamChange<'_>, place: usize, item: &'a [u8]) -> Cow<'a, [u8]> {
    if !change.lists_ids() {
        return Cow::Borrowed(item);
    }
    let text = match place % 2 {
        1 if change.counts_deliveries() => count_from_bytes(item).map(|count| count.to_string()),
        _ => EntryId::from_bytes(item).map(|id| id.to_string()),
    };
    text.map_or(Cow::Borrowed(item), |text| Cow::Owned(text.into_bytes()))
}

/// How bytes become text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Escape {
    /// Text stays text; other bytes are escaped, or base64 in JSON and CSV
    #[default]
    Auto,
    /// All keys and values in base64
    Base64,
}

/// How keys and values are printed.
#[derive(Clone, Copy, Debug)]
pub struct ByteText {
    /// How much of a value.
    pub values: Values,
    /// How it is spelled.
    pub escape: Escape,
}
