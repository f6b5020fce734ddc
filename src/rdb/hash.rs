//! Hashes: fields with values, one by one or packed together; some with expiry times.
//!
//! ```text
//! timed = first expiry u64 LE | number of fields | (expiry, field, value) * number
//! ```
//!
//! The expiry of a field is 0 if it has none, or else how many milliseconds after the first one it is, plus 1.

use super::entry::{Entry, pairs};
use super::error::RdbError;
use super::input::Input;
use super::output::{Output, put_length};
use super::part::{Part, See};
use super::types::Type;
use super::{listpack, ziplist, zipmap};

/// Reads a hash.
pub(super) fn read(of: Type, input: &mut Input<'_>, see: &mut See<'_>) -> Result<(), RdbError> {
    let mut plain = |field: &[u8], value: &[u8]| see(Part::Field { field, value, expire_at_ms: None });
    let mut packed = |field: &Entry<'_>, value: Entry<'_>| {
        field.with_text(|field| value.with_text(|value| plain(field, value)))
    };
    match of {
        Type::HashZipmap => zipmap::each(&input.text()?, &mut plain),
        Type::HashZiplist => {
            let bytes = input.text()?;
            pairs(&mut packed, |see| ziplist::each(&bytes, see))
        }
        Type::HashListpack => {
            let bytes = input.text()?;
            pairs(&mut packed, |see| listpack::each(&bytes, see))
        }
        Type::HashTimed | Type::HashTimedEarly => read_timed(of, input, see),
        Type::HashTimedListpack => {
            // The first expiry; the fields have theirs.
            input.array::<8>()?;
            read_timed_listpack(&input.text()?, see)
        }
        Type::HashTimedListpackEarly => read_timed_listpack(&input.text()?, see),
        _ => (0..input.length()?).try_for_each(|_| plain(&input.text()?, &input.text()?)),
    }
}

/// Reads fields with expiry times.
fn read_timed(of: Type, input: &mut Input<'_>, see: &mut See<'_>) -> Result<(), RdbError> {
    let base = if of == Type::HashTimed { Some(u64::from_le_bytes(input.array()?)) } else { None };
    for _ in 0..input.length()? {
        let expire_at_ms = match (input.length()?, base) {
            (0, _) => None,
            (expiry, None) => Some(expiry),
            (after, Some(base)) => Some(base.checked_add(after - 1).ok_or(RdbError::Expiry)?),
        };
        see(Part::Field { field: &input.text()?, value: &input.text()?, expire_at_ms })?;
    }
    Ok(())
}

/// Reads fields, values and expiry times in a listpack.
fn read_timed_listpack(bytes: &[u8], see: &mut See<'_>) -> Result<(), RdbError> {
    let mut before: (Option<Entry<'_>>, Option<Entry<'_>>) = (None, None);
    listpack::each(bytes, &mut |entry| match before {
        (None, _) => {
            before.0 = Some(entry);
            Ok(())
        }
        (Some(_), None) => {
            before.1 = Some(entry);
            Ok(())
        }
        (Some(field), Some(value)) => {
            before = (None, None);
            let Entry::Integer(expiry) = entry else { return Err(RdbError::Expiry) };
            let expiry = u64::try_from(expiry).map_err(|_| RdbError::Expiry)?;
            let expire_at_ms = Some(expiry).filter(|expiry| *expiry > 0);
            field.with_text(|field| value.with_text(|value| see(Part::Field { field, value, expire_at_ms })))
        }
    })?;
    if before.0.is_none() { Ok(()) } else { Err(RdbError::Odd) }
}

/// Writes the start of a hash with `len` fields, of which one expires first at `first_ms`.
pub fn put_timed_hash(first_ms: u64, len: u64, output: &mut impl Output) {
    output.put(&first_ms.to_le_bytes());
    put_length(len, output);
}

/// Writes the expiry of a field of such a hash, which its name and value follow.
pub fn put_expiry(first_ms: u64, expire_at_ms: Option<u64>, output: &mut impl Output) {
    put_length(expire_at_ms.map_or(0, |expiry| expiry.saturating_sub(first_ms).saturating_add(1)), output);
}
