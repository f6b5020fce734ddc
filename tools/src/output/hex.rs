//! The records' bytes, sixteen on a line: offset in the payload, hexadecimal, printable ASCII.

use std::io::{self, Write};

use ackd::effect::EffectError;

use super::{ByteText, DecodedView, Printer, RecordView};
use crate::time;

/// Prints payloads in hexadecimal.
pub struct Hex {
    bytes: ByteText,
}

impl Hex {
    /// A printer that shows as much of a payload as `bytes` allows for a value.
    pub fn new(bytes: ByteText) -> Self {
        Self { bytes }
    }

    fn payload(&self, out: &mut dyn Write, record: &RecordView<'_>, remark: &str) -> io::Result<()> {
        let salvaged = if record.salvaged { "  salvaged" } else { "" };
        writeln!(
            out,
            "LSN {}  {}  {}+{}  {} bytes{salvaged}{remark}",
            record.lsn,
            time::show(record.wall_micros),
            record.segment,
            record.offset,
            record.payload.len()
        )?;
        let Some((part, cut)) = self.bytes.values.part(record.payload) else { return Ok(()) };
        lines(out, part)?;
        if cut {
            writeln!(out, "  ... {} more bytes", record.payload.len() - part.len())?;
        }
        Ok(())
    }
}

impl Printer for Hex {
    fn record(
        &mut self,
        out: &mut dyn Write,
        record: &RecordView<'_>,
        _decoded: &DecodedView<'_>,
    ) -> io::Result<()> {
        self.payload(out, record, "")
    }

    fn unreadable(
        &mut self,
        out: &mut dyn Write,
        record: &RecordView<'_>,
        error: &EffectError,
    ) -> io::Result<()> {
        self.payload(out, record, &format!("  unreadable: {error}"))
    }
}

/// Writes bytes, sixteen on a line.
pub fn lines(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    for (at, sixteen) in bytes.chunks(16).enumerate() {
        write!(out, "  {:08x} ", at * 16)?;
        for place in 0..16 {
            let gap = if place == 8 { " " } else { "" };
            match sixteen.get(place) {
                Some(byte) => write!(out, "{gap} {byte:02x}")?,
                None => write!(out, "{gap}   ")?,
            }
        }
        let printable = |byte: &u8| if (0x20..0x7f).contains(byte) { *byte as char } else { '.' };
        writeln!(out, "  |{}|", sixteen.iter().map(printable).collect::<String>())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_in_columns() {
        let mut out = Vec::new();
        lines(&mut out, b"0123456789abcdef\x00\xffz").unwrap();
        let expected = "  00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n  \
                        00000010  00 ff 7a                                          |..z|\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
