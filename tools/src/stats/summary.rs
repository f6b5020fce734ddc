//! Statistics as they are printed: the fields of the JSON object, which the text form uses too.

use serde::Serialize;

use super::histogram::Histogram;
use super::top::Counted;
use super::{Big, OpCount};
use crate::escape::{base64, escaped};
use crate::output::fields::Number;

/// The result, as it is printed.
#[derive(Serialize)]
pub struct Summary {
    /// Version of the field names.
    pub v: u32,
    /// Records counted.
    pub records: u64,
    /// Groups that they are in.
    pub groups: u64,
    /// First LSN counted, 0 for none.
    pub first_lsn: Number,
    /// Last LSN counted, 0 for none.
    pub last_lsn: Number,
    /// Earliest time of a group.
    pub first_ts: Option<String>,
    /// Latest time of a group.
    pub last_ts: Option<String>,
    /// Time between these two.
    pub span_micros: Number,
    /// Records per second of that time.
    pub records_per_second: f64,
    /// Bytes of payload per second of that time.
    pub payload_bytes_per_second: f64,
    /// Bytes of all payloads.
    pub payload_bytes: Number,
    /// Bytes on disk of all these groups.
    pub disk_bytes: Number,
    /// Bytes on disk per byte of payload.
    pub write_amplification: f64,
    /// Effects by kind.
    pub ops: Vec<OpShare>,
    /// Effects that set a string.
    pub sets: u64,
    /// Those of them with an expiry.
    pub sets_with_deadline: u64,
    /// Counted records of a group.
    pub records_per_group: Histogram,
    /// Bytes on disk of a group.
    pub disk_bytes_per_group: Histogram,
    /// Time from one group to the next.
    pub micros_between_groups: Histogram,
    /// Bytes of a stored value.
    pub value_bytes: Histogram,
    /// Quantiles of these four.
    pub quantiles: AllQuantiles,
    /// Keys with the most effects.
    pub top_keys_by_writes: Vec<TopName>,
    /// Keys with the most bytes of key and value.
    pub top_keys_by_bytes: Vec<TopName>,
    /// Prefixes with the most effects.
    pub top_prefixes_by_writes: Vec<TopName>,
    /// Prefixes with the most bytes of key and value.
    pub top_prefixes_by_bytes: Vec<TopName>,
    /// The largest values stored at once.
    pub biggest_values: Vec<BigValue>,
}

/// Quantiles of all histograms, under the same names. All are 0 where nothing was counted.
#[derive(Serialize)]
pub struct AllQuantiles {
    pub records_per_group: Quantiles,
    pub disk_bytes_per_group: Quantiles,
    pub micros_between_groups: Quantiles,
    pub value_bytes: Quantiles,
}

/// Quantiles of one histogram, within 1 %; the maximum is exact.
#[derive(Serialize)]
pub struct Quantiles {
    pub p50: Number,
    pub p99: Number,
    pub max: Number,
}

/// One kind of effect.
#[derive(Serialize)]
pub struct OpShare {
    pub op: &'static str,
    /// How many of them.
    pub count: u64,
    /// Bytes of keys and values.
    pub bytes: Number,
    /// Mean of these bytes.
    pub bytes_per_op: f64,
}

/// A key or prefix of a top list.
#[derive(Serialize)]
pub struct TopName {
    pub db: usize,
    /// The name, if it is UTF-8.
    pub name: Option<String>,
    /// The name in base64, if it is not.
    pub name_b64: Option<String>,
    /// The name for a terminal.
    #[serde(skip)]
    pub printable: String,
    /// Number of effects, or of bytes.
    pub count: Number,
    /// How much of the count may belong to other names.
    pub error: Number,
}

/// One of the biggest values.
#[derive(Serialize)]
pub struct BigValue {
    /// Record that stored it.
    pub lsn: Number,
    pub db: usize,
    /// The key, if it is UTF-8.
    pub key: Option<String>,
    /// The key in base64, if it is not.
    pub key_b64: Option<String>,
    /// The key for a terminal.
    #[serde(skip)]
    pub printable: String,
    pub val_len: Number,
}

impl Quantiles {
    pub fn of(histogram: &Histogram) -> Self {
        Self {
            p50: Number(histogram.quantile(0.5)),
            p99: Number(histogram.quantile(0.99)),
            max: Number(histogram.max()),
        }
    }
}

impl OpShare {
    pub fn of(op: &'static str, OpCount { count, bytes }: OpCount) -> Self {
        Self { op, count, bytes: Number(bytes), bytes_per_op: rounded(ratio(bytes, count)) }
    }
}

impl TopName {
    pub fn of(counted: Counted) -> Self {
        let (db, name) = counted.name.split_first().map_or((0, &[][..]), |(&db, name)| (db, name));
        let printable = escaped(name);
        let (name, name_b64) = spell(name);
        let (count, error) = (Number(counted.weight), Number(counted.error));
        Self { db: usize::from(db), name, name_b64, printable, count, error }
    }
}

impl BigValue {
    pub fn of(big: Big) -> Self {
        let printable = escaped(&big.key);
        let (key, key_b64) = spell(&big.key);
        Self { lsn: Number(big.older.0), db: big.db, key, key_b64, printable, val_len: Number(big.bytes) }
    }
}

/// A key as UTF-8, or else in base64.
fn spell(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(base64(bytes))),
    }
}

/// One number divided by another, 0 when that is 0.
pub fn ratio(numerator: u64, denominator: u64) -> f64 {
    if denominator == 0 { 0.0 } else { numerator as f64 / denominator as f64 }
}

/// Two decimals are enough for people and keep outputs comparable.
pub fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
