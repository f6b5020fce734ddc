//! What a printer needs from a record: its place and its wanted effects.

use ackd::effect::{self, Effect, EffectError};
use wal::{GroupInfo, RecordRef};

use crate::filter::Filter;
use crate::origins::Caused;
use crate::output::{DecodedView, RecordView};

/// A segment's file name, kept for the many records in it.
#[derive(Debug, Default)]
pub struct SegmentName {
    /// Number of the segment.
    sequence: u64,
    /// Its file name; empty before the first one.
    name: String,
}

impl SegmentName {
    /// The file name of the segment with this number.
    pub fn of(&mut self, sequence: u64) -> &str {
        if self.name.is_empty() || self.sequence != sequence {
            self.sequence = sequence;
            self.name = wal::segment_name(sequence);
        }
        &self.name
    }
}

/// The record, its place, and who caused it; `segment` is the file name of its segment.
pub fn view<'a>(record: &RecordRef<'a>, segment: &'a str, caused: Option<&'a Caused>) -> RecordView<'a> {
    let group: &GroupInfo = record.group;
    RecordView {
        lsn: record.lsn,
        segment,
        offset: group.offset,
        wall_micros: group.wall_micros,
        group: group.number,
        index: record.index,
        count: group.count,
        payload: record.payload,
        caused,
        salvaged: group.salvaged,
    }
}

/// A record kept for printing later.
pub struct Kept {
    /// Its place, without segment, payload and cause.
    place: RecordView<'static>,
    /// Who caused it.
    caused: Option<Caused>,
    /// Number of its segment.
    segment: u64,
    /// Its payload.
    payload: Vec<u8>,
}

impl Kept {
    pub fn of(record: &RecordRef<'_>, caused: Option<Caused>) -> Self {
        let RecordView { lsn, offset, wall_micros, group, index, count, salvaged, .. } =
            view(record, "", None);
        let (segment, payload) = ("", &[][..]);
        let place = RecordView {
            lsn,
            segment,
            offset,
            wall_micros,
            group,
            index,
            count,
            payload,
            caused: None,
            salvaged,
        };
        Self { place, caused, segment: record.group.segment, payload: record.payload.to_vec() }
    }

    /// The record's number.
    pub fn lsn(&self) -> u64 {
        self.place.lsn
    }

    /// The record and its place.
    pub fn view<'a>(&'a self, name: &'a mut SegmentName) -> RecordView<'a> {
        RecordView {
            segment: name.of(self.segment),
            payload: &self.payload,
            caused: self.caused.as_ref(),
            ..self.place
        }
    }
}

/// Whether the record passes the filter. If its payload cannot be read, only its group counts.
pub fn is_wanted(record: &RecordRef<'_>, filter: &Filter) -> bool {
    filter.takes_group(record.group.number, record.group.wall_micros)
        && Taken::from_payload(record.payload, filter).map_or(true, |taken| !taken.is_unwanted(filter))
}

/// A record's payload, decoded.
pub struct Taken<'a> {
    /// The command that made the record.
    command_id: u16,
    /// Number of all its effects.
    count: u64,
    /// Place and content of each wanted effect.
    effects: Vec<(u64, Effect<'a>)>,
}

impl<'a> Taken<'a> {
    /// Reads a payload and keeps the wanted effects.
    pub fn from_payload(payload: &'a [u8], filter: &Filter) -> Result<Self, EffectError> {
        let decoded = effect::decode(payload)?;
        let numbered = (0..).zip(decoded.effects());
        let effects = numbered.filter(|(_, effect)| filter.takes(effect)).collect();
        Ok(Self { command_id: decoded.command_id, count: decoded.count(), effects })
    }

    /// Whether no effect is wanted. A record without any effect is wanted by a filter that takes everything.
    pub fn is_unwanted(&self, filter: &Filter) -> bool {
        self.effects.is_empty() && !(self.count == 0 && filter.takes_all_effects())
    }

    /// What a printer takes.
    pub fn view(&self) -> DecodedView<'_> {
        DecodedView { command_id: self.command_id, count: self.count, effects: &self.effects }
    }
}
