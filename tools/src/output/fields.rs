//! The fields of a printed effect, for JSON lines and CSV. Their names are part of the format, version 1.

use std::borrow::Cow;

use ackd::effect::{Change, DatabaseChange, Effect, EffectError, Items, KeyChange};
use serde::{Serialize, Serializer};

use super::{ByteText, DecodedView, Escape, RecordView, Values};
use crate::escape::{base64, utf8_head};
use crate::origins::Origin;
use crate::{command, time};

/// Version of the field names and their meaning.
pub const VERSION: u32 = 1;
/// Largest integer that every JSON reader keeps exact: 2^53.
const EXACT_MAX: u64 = 1 << 53;

/// A JSON number as far as every reader keeps it exact, a string above that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub u64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 <= EXACT_MAX { serializer.serialize_u64(self.0) } else { serializer.collect_str(&self.0) }
    }
}

/// One effect, ready to be printed. Fields at the end that do not apply are left out of JSON.
#[derive(Debug, Serialize)]
pub struct Fields<'a> {
    /// The record's number.
    pub lsn: Number,
    /// File name of the segment.
    pub seg: &'a str,
    /// Offset of the group in the segment.
    pub off: Number,
    /// When the group was written.
    pub ts: String,
    /// Number of the group.
    pub batch: Number,
    /// The record's place in its group.
    pub i: u32,
    /// Records in the group.
    pub n: u32,
    /// Database; null if the effect is on all.
    pub db: Option<usize>,
    /// Name of the effect; null if the payload cannot be read.
    pub op: Option<&'static str>,
    /// The key, if it is UTF-8.
    pub key: Option<Cow<'a, str>>,
    /// The key in base64, if it is not.
    pub key_b64: Option<String>,
    /// Length of the value in bytes.
    pub val_len: Option<Number>,
    /// The value, or its head, if that is UTF-8.
    pub val: Option<Cow<'a, str>>,
    /// The value, or its head, in base64 if it is not.
    pub val_b64: Option<String>,
    /// Expiry that the effect sets, in milliseconds since 1970.
    pub expire_at_ms: Option<Number>,
    /// Name of the command that made the record.
    pub cmd: Option<Cow<'static, str>>,
    /// `ok`: the checksums match; `salvaged`: they do, but something before is damaged.
    pub crc: &'static str,
    /// The effect's place in a record with several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<Number>,
    /// Database of the new key, or the other database of a swap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_db: Option<usize>,
    /// The new key, if it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Cow<'a, str>>,
    /// The new key in base64, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_b64: Option<String>,
    /// Offset in the string, or index in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Number>,
    /// How many elements are removed from a list, or kept by a trim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Number>,
    /// Number of members, elements, or fields and values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items_len: Option<Number>,
    /// These items, or the first ones, if all are UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Cow<'a, str>>>,
    /// These items, or the first ones, in base64 if they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items_b64: Option<Vec<String>>,
    /// The client that caused the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<&'a Origin>,
    /// The script or function that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routine: Option<&'a str>,
    /// Why the payload cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl<'a> Fields<'a> {
    /// The fields that every record has.
    fn of_record(record: &RecordView<'a>) -> Self {
        Self {
            lsn: Number(record.lsn),
            seg: record.segment,
            off: Number(record.offset),
            ts: time::show(record.wall_micros),
            batch: Number(record.group),
            i: record.index,
            n: record.count,
            db: None,
            op: None,
            key: None,
            key_b64: None,
            val_len: None,
            val: None,
            val_b64: None,
            expire_at_ms: None,
            cmd: None,
            crc: if record.salvaged { "salvaged" } else { "ok" },
            e: None,
            to_db: None,
            to: None,
            to_b64: None,
            at: None,
            count: None,
            items_len: None,
            items: None,
            items_b64: None,
            origin: record.caused.and_then(|caused| caused.origin.as_deref()),
            routine: record.caused.and_then(|caused| caused.routine.as_deref()),
            error: None,
        }
    }

    /// The fields of one effect of a record.
    pub fn of_effect(
        record: &RecordView<'a>,
        decoded: &DecodedView<'_>,
        (place, effect): &(u64, Effect<'a>),
        bytes: ByteText,
    ) -> Self {
        let mut fields = Self::of_record(record);
        fields.db = effect.db();
        fields.op = Some(effect.name());
        fields.cmd = Some(command::name(decoded.command_id));
        fields.expire_at_ms = effect.expire_at_ms().map(Number);
        fields.at = effect.place().map(Number);
        fields.count = effect.count().map(Number);
        fields.e = (decoded.count > 1).then_some(Number(*place));
        if let Some(key) = effect.key() {
            (fields.key, fields.key_b64) = spell(key, false, bytes.escape);
        }
        if let Some(value) = effect.value() {
            fields.val_len = Some(Number(value.len() as u64));
            if let Some((part, cut)) = bytes.values.part(value) {
                (fields.val, fields.val_b64) = spell(part, cut, bytes.escape);
            }
        }
        if let Some(items) = effect.items() {
            fields.add_items(effect, items, bytes);
        }
        fields.add_target(effect, bytes);
        fields
    }

    /// The fields of a record whose payload cannot be read.
    pub fn of_unreadable(record: &RecordView<'a>, error: &EffectError) -> Self {
        Self { error: Some(error.to_string()), ..Self::of_record(record) }
    }

    fn add_items(&mut self, effect: &Effect<'a>, items: Items<'a>, bytes: ByteText) {
        self.items_len = Some(Number(items.len()));
        if bytes.values == Values::None {
            return;
        }
        let (shown, _) = bytes.values.items(effect, items);
        let texts: Option<Vec<_>> = shown.iter().cloned().map(text).collect();
        match texts {
            Some(texts) if bytes.escape == Escape::Auto => self.items = Some(texts),
            _ => self.items_b64 = Some(shown.iter().map(|item| base64(item)).collect()),
        }
    }

    fn add_target(&mut self, effect: &Effect<'a>, bytes: ByteText) {
        match effect {
            Effect::Database(DatabaseChange::Swap { b, .. }) => self.to_db = Some(*b),
            Effect::Key { change: Change::Key(change), .. } => self.add_new_place(change, bytes),
            _ => {}
        }
    }

    fn add_new_place(&mut self, change: &KeyChange<'a>, bytes: ByteText) {
        if let KeyChange::Copy { to_db, .. } | KeyChange::Move { to_db } = *change {
            self.to_db = Some(to_db);
        }
        if let KeyChange::Copy { to, .. } | KeyChange::Rename { to } = *change {
            (self.to, self.to_b64) = spell(to, false, bytes.escape);
        }
    }
}

/// Bytes as text, if they are UTF-8.
fn text(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    Some(match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).ok()?),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).ok()?),
    })
}

/// Bytes as text, or in base64 if they are not UTF-8 or base64 is asked for.
fn spell(bytes: &[u8], cut: bool, escape: Escape) -> (Option<Cow<'_, str>>, Option<String>) {
    match utf8_head(bytes, cut) {
        Some(text) if escape == Escape::Auto => (Some(Cow::Borrowed(text)), None),
        _ => (None, Some(base64(bytes))),
    }
}
