//! Lines for people, one per effect. Each family of effects has a file for what only it prints.

mod databases;
mod keys;
mod lists;
mod sorted_sets;
mod strings;

use std::io::{self, Write};

use ackd::effect::{Change, Effect, EffectError, Items};

use super::{ByteText, DecodedView, Escape, Printer, RecordView};
use crate::escape::{base64, quoted, quoted_if_needed, size};
use crate::style::Style;
use crate::time;

/// Prints lines for people.
pub struct Text {
    bytes: ByteText,
    style: Style,
}

impl Text {
    /// A printer that spells bytes like this.
    pub fn new(bytes: ByteText, style: Style) -> Self {
        Self { bytes, style }
    }

    fn place(&self, out: &mut dyn Write, record: &RecordView<'_>) -> io::Result<()> {
        let (lsn, time) = (record.lsn, time::show(record.wall_micros));
        write!(out, "LSN {lsn}  {time}  group {} ({}/{})", record.group, record.index + 1, record.count)?;
        if record.salvaged {
            write!(out, "  {}", self.style.warning("salvaged"))?;
        }
        Ok(())
    }

    /// Writes the effect on the rest of the line.
    pub fn effect(&self, out: &mut dyn Write, effect: &Effect<'_>, wall_micros: u64) -> io::Result<()> {
        if let Some(db) = effect.db() {
            write!(out, "  db{db}")?;
        }
        write!(out, "  {}", self.style.name(&effect.name().to_ascii_uppercase()))?;
        if let Some(key) = effect.key() {
            write!(out, "  {}", self.key(key))?;
        }
        self.target(out, effect)?;
        if let Some(expiry) = effect.expire_at_ms() {
            write!(out, "  {}", expiry_text(expiry, wall_micros))?;
        }
        match (effect.value(), effect.items()) {
            (Some(value), _) => self.value(out, value),
            (None, Some(items)) => self.items(out, effect, items),
            (None, None) => Ok(()),
        }
    }

    fn items(&self, out: &mut dyn Write, effect: &Effect<'_>, items: Items<'_>) -> io::Result<()> {
        write!(out, "  {} item{}", items.len(), if items.len() == 1 { "" } else { "s" })?;
        let (shown, cut) = self.bytes.values.items(effect, items);
        shown.iter().try_for_each(|item| write!(out, "  {}", self.key(item)))?;
        write!(out, "{}", if cut { "  ..." } else { "" })
    }

    /// Writes what only the family of the change prints.
    fn target(&self, out: &mut dyn Write, effect: &Effect<'_>) -> io::Result<()> {
        let change = match effect {
            Effect::Database(change) => return databases::target(out, change),
            Effect::Key { change, .. } => change,
        };
        match change {
            Change::Key(change) => keys::target(self, out, change),
            Change::String(change) => strings::target(out, change),
            Change::List(change) => lists::target(out, change),
            Change::SortedSet(change) => sorted_sets::target(self, out, change),
            _ => Ok(()),
        }
    }

    fn value(&self, out: &mut dyn Write, value: &[u8]) -> io::Result<()> {
        write!(out, "  {}", size(value.len() as u64))?;
        let Some((part, cut)) = self.bytes.values.part(value) else { return Ok(()) };
        let spelled = match self.bytes.escape {
            Escape::Auto => quoted(part),
            Escape::Base64 => base64(part),
        };
        write!(out, "  {spelled}{}", if cut { "..." } else { "" })
    }

    fn key(&self, key: &[u8]) -> String {
        match self.bytes.escape {
            Escape::Auto => quoted_if_needed(key),
            Escape::Base64 => base64(key),
        }
    }
}

impl Printer for Text {
    fn record(
        &mut self,
        out: &mut dyn Write,
        record: &RecordView<'_>,
        decoded: &DecodedView<'_>,
    ) -> io::Result<()> {
        for (place, effect) in decoded.effects {
            self.place(out, record)?;
            if decoded.count > 1 {
                write!(out, "  [{}/{}]", place + 1, decoded.count)?;
            }
            self.effect(out, effect, record.wall_micros)?;
            if let Some(caused) = record.caused {
                write!(out, "  by {caused}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn unreadable(
        &mut self,
        out: &mut dyn Write,
        record: &RecordView<'_>,
        error: &EffectError,
    ) -> io::Result<()> {
        self.place(out, record)?;
        writeln!(out, "  {} {error}", self.style.damage("unreadable:"))
    }
}

/// An expiry as the time to live when it was set.
fn expiry_text(expiry_ms: u64, wall_micros: u64) -> String {
    let expiry_micros = expiry_ms.saturating_mul(1000);
    match expiry_micros.checked_sub(wall_micros) {
        Some(micros) if expiry_micros < u64::MAX => format!("ttl {}", time::show_span(micros)),
        Some(_) => format!("until {}", time::show_ms(expiry_ms)),
        None => format!("expired {} before", time::show_span(wall_micros - expiry_micros)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_shown_as_the_time_to_live_they_gave() {
        assert_eq!(expiry_text(61_000, 1_000_000), "ttl 1m");
        assert_eq!(expiry_text(1000, 3_000_000), "expired 2s before");
        assert!(expiry_text(u64::MAX, 0).starts_with("until @"));
    }
}
