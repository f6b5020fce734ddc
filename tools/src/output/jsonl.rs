//! One JSON object per line: first a header with the version, then one per effect.

use std::io::{self, Write};

use ackd::effect::EffectError;
use serde::Serialize;

use super::fields::{Fields, VERSION};
use super::{ByteText, DecodedView, Printer, RecordView};

/// Prints JSON lines.
pub struct Jsonl {
    bytes: ByteText,
}

impl Jsonl {
    /// A printer that spells bytes like this.
    pub fn new(bytes: ByteText) -> Self {
        Self { bytes }
    }
}

impl Printer for Jsonl {
    fn start(&mut self, out: &mut dyn Write) -> io::Result<()> {
        header(out, "records")
    }

    fn record(
        &mut self,
        out: &mut dyn Write,
        record: &RecordView<'_>,
        decoded: &DecodedView<'_>,
    ) -> io::Result<()> {
        for effect in decoded.effects {
            line(out, &Fields::of_effect(record, decoded, effect, self.bytes))?;
        }
        Ok(())
    }

    fn unreadable(
        &mut self,
        out: &mut dyn Write,
        record: &RecordView<'_>,
        error: &EffectError,
    ) -> io::Result<()> {
        line(out, &Fields::of_unreadable(record, error))
    }
}

/// Writes the first line of each JSON output; `of` says what follows.
pub fn header(out: &mut dyn Write, of: &str) -> io::Result<()> {
    #[derive(Serialize)]
    struct Header<'a> {
        v: u32,
        tool: &'a str,
        of: &'a str,
    }
    line(out, &Header { v: VERSION, tool: "ackd-wal", of })
}

/// Writes one object on a line.
pub fn line(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object).map_err(io::Error::from)?;
    out.write_all(b"\n")
}
