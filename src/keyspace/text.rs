//! Reading the bytes of strings, piece by piece.

use super::cell::{PIECE_BYTES, Text};
use super::error::KeyspaceError;
use super::walk::walk;
use crate::resp::Reply;
use crate::table::View;

/// Source of the bytes that are missing from a piece.
static ZEROS: [u8; PIECE_BYTES] = [0; PIECE_BYTES];

impl<'a> Text<'a> {
    /// Calls `sink` with the bytes from `start` up to, but not including, `end`, in order, in as many parts as they are
    /// stored in.
    pub fn each_part(
        &self,
        view: &View<'_>,
        start: u64,
        end: u64,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<(), KeyspaceError> {
        let end = end.min(self.len());
        if start >= end {
            return Ok(());
        }
        let root = match *self {
            Text::Short(bytes) => {
                sink(&bytes[start as usize..end as usize]);
                return Ok(());
            }
            Text::InPieces { root, .. } => root,
        };
        let mut at = start;
        let first = (start / PIECE_BYTES as u64) as u32;
        walk(view, root, &first.to_be_bytes(), |key, cell| {
            let piece_start = piece_number(key)? * PIECE_BYTES as u64;
            if piece_start >= end {
                return Ok(false);
            }
            zeros(&mut at, piece_start.max(start), &mut sink);
            let stop = end.min(piece_start + cell.bytes.len() as u64);
            if at < stop {
                sink(&cell.bytes[(at - piece_start) as usize..(stop - piece_start) as usize]);
                at = stop;
            }
            Ok(true)
        })?;
        zeros(&mut at, end, &mut sink);
        Ok(())
    }

    /// Writes the bytes from `start` up to, but not including, `end` as a bulk string.
    pub fn bulk(
        &self,
        view: &View<'_>,
        start: u64,
        end: u64,
        reply: &mut Reply<'_>,
    ) -> Result<(), KeyspaceError> {
        let end = end.min(self.len()).max(start);
        let root = match *self {
            Text::Short(bytes) => {
                reply.bulk(&bytes[(start as usize).min(bytes.len())..(end as usize).min(bytes.len())]);
                return Ok(());
            }
            Text::InPieces { root, .. } => root,
        };
        // A damaged count of pieces may be any number, but the table holds no more than its file.
        let stored = root.len().saturating_mul(PIECE_BYTES as u64).min(view.file_bytes());
        reply.bulk_header_of_stored((end - start) as usize, stored as usize);
        if reply.is_cut() {
            return Ok(());
        }
        self.each_part(view, start, end, |part| reply.raw(part))?;
        reply.end_line();
        Ok(())
    }

    /// Whether the string equals `bytes`.
    pub fn equals(&self, view: &View<'_>, bytes: &[u8]) -> Result<bool, KeyspaceError> {
        if let Text::Short(own) = *self {
            return Ok(own == bytes);
        }
        if self.len() != bytes.len() as u64 {
            return Ok(false);
        }
        let (mut rest, mut equal) = (bytes, true);
        self.each_part(view, 0, self.len(), |part| {
            let (head, tail) = rest.split_at(part.len().min(rest.len()));
            equal &= head == part;
            rest = tail;
        })?;
        Ok(equal)
    }

    /// All bytes in one piece; copies them only if they are stored in several.
    pub fn to_contiguous(&self, view: &View<'_>) -> Result<std::borrow::Cow<'a, [u8]>, KeyspaceError> {
        if let Text::Short(bytes) = *self {
            return Ok(bytes.into());
        }
        let mut bytes = Vec::with_capacity(self.len() as usize);
        self.each_part(view, 0, self.len(), |part| bytes.extend_from_slice(part))?;
        Ok(bytes.into())
    }
}

/// The piece number in a piece's key.
fn piece_number(key: &[u8]) -> Result<u64, KeyspaceError> {
    let number = key.try_into().map_err(|_| KeyspaceError::BadCell("a piece without a number"))?;
    Ok(u64::from(u32::from_be_bytes(number)))
}

/// Calls `sink` with zeros from `at` up to, but not including, `end`.
fn zeros(at: &mut u64, end: u64, sink: &mut impl FnMut(&[u8])) {
    while *at < end {
        let len = (end - *at).min(ZEROS.len() as u64);
        sink(&ZEROS[..len as usize]);
        *at += len;
    }
}
