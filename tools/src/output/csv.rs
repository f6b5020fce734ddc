//! Comma-separated values, one line per effect, quoted as in RFC 4180. Each line has all columns, one for each field of the
//! JSON lines. A list becomes a JSON array in one cell.

use std::io::{self, Write};

use ackd::effect::EffectError;

use super::fields::Fields;
use super::{ByteText, DecodedView, Printer, RecordView};
use crate::origins::Origin;

const NAMES: &str = "lsn,seg,off,ts,batch,i,n,db,op,key,key_b64,val_len,val,val_b64,expire_at_ms,cmd,crc,e,to_db,to,\
                     to_b64,at,count,items_len,items,items_b64,error,user,addr,name,lib,lib_ver,routine";

/// Cells in a line.
const CELLS: usize = 33;

/// Prints comma-separated values.
pub struct Csv {
    bytes: ByteText,
}

impl Csv {
    /// A printer that spells bytes like this.
    pub fn new(bytes: ByteText) -> Self {
        Self { bytes }
    }
}

impl Printer for Csv {
    fn start(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{NAMES}")
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

fn line(out: &mut dyn Write, fields: &Fields<'_>) -> io::Result<()> {
    let number = |number: Option<super::fields::Number>| number.map(|number| number.0.to_string());
    let index = |index: Option<usize>| index.map(|index| index.to_string());
    let origin = |part: fn(&Origin) -> &String| fields.origin.map(|origin| part(origin).clone());
    let cells: [Option<String>; CELLS] = [
        number(Some(fields.lsn)),
        Some(fields.seg.to_owned()),
        number(Some(fields.off)),
        Some(fields.ts.clone()),
        number(Some(fields.batch)),
        Some(fields.i.to_string()),
        Some(fields.n.to_string()),
        index(fields.db),
        fields.op.map(str::to_owned),
        fields.key.as_deref().map(str::to_owned),
        fields.key_b64.clone(),
        number(fields.val_len),
        fields.val.as_deref().map(str::to_owned),
        fields.val_b64.clone(),
        number(fields.expire_at_ms),
        fields.cmd.as_deref().map(str::to_owned),
        Some(fields.crc.to_owned()),
        number(fields.e),
        index(fields.to_db),
        fields.to.as_deref().map(str::to_owned),
        fields.to_b64.clone(),
        number(fields.at),
        number(fields.count),
        number(fields.items_len),
        fields.items.as_ref().map(|items| json(items)),
        fields.items_b64.as_ref().map(|items| json(items)),
        fields.error.clone(),
        origin(|origin| &origin.user),
        origin(|origin| &origin.addr),
        origin(|origin| &origin.name),
        origin(|origin| &origin.lib),
        origin(|origin| &origin.lib_ver),
        fields.routine.map(str::to_owned),
    ];
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        out.write_all(quoted(cell.as_deref().unwrap_or("")).as_bytes())?;
    }
    out.write_all(b"\n")
}

/// A list of texts as a JSON array.
fn json(texts: &[impl serde::Serialize]) -> String {
    serde_json::to_string(texts).expect("texts can be written")
}

/// The text as a cell, quoted if it has a comma, quote or line end. A missing value and an empty text are both an empty
/// cell.
fn quoted(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_when_they_must_be() {
        assert_eq!(quoted("plain text"), "plain text");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"hi\"\n"), "\"say \"\"hi\"\"\n\"");
    }

    #[test]
    fn there_is_a_name_for_each_cell() {
        assert_eq!(NAMES.split(',').count(), CELLS);
    }
}
