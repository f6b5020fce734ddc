//! Writing strings that are too long for a cell: a tree of pieces. A change touches only the pieces that it overlaps.

use super::cell::PIECE_BYTES;
use super::error::KeyspaceError;
use crate::table::{Filler, Root, TableWriter};

/// A tree with `bytes` in pieces.
pub(super) fn new(table: &mut TableWriter, bytes: &[u8]) -> Result<Root, KeyspaceError> {
    let mut filler = Filler::new(Root::EMPTY);
    for (number, piece) in (0_u32..).zip(bytes.chunks(PIECE_BYTES)) {
        filler.replace(table, &number.to_be_bytes(), [piece, &[]], &[], |_| ())?;
    }
    Ok(filler.finish(table))
}

/// Writes `bytes` to `offset` of the string in pieces in `root`. Touches only the pieces that the bytes overlap.
pub(super) fn write(
    table: &mut TableWriter,
    root: &mut Root,
    offset: u64,
    mut bytes: &[u8],
) -> Result<(), KeyspaceError> {
    let mut at = offset;
    while !bytes.is_empty() {
        let number = (at / PIECE_BYTES as u64) as u32;
        let within = (at % PIECE_BYTES as u64) as usize;
        let (part, rest) = bytes.split_at(bytes.len().min(PIECE_BYTES - within));
        write_piece(table, root, number, within, part)?;
        at += part.len() as u64;
        bytes = rest;
    }
    Ok(())
}

/// Writes `part` to byte `within` of one piece.
fn write_piece(
    table: &mut TableWriter,
    root: &mut Root,
    number: u32,
    within: usize,
    part: &[u8],
) -> Result<(), KeyspaceError> {
    let key = number.to_be_bytes();
    if part.len() == PIECE_BYTES {
        table.insert(root, &key, part, &[])?;
        return Ok(());
    }
    let mut piece = [0; PIECE_BYTES];
    let mut len = 0;
    if !root.is_empty()
        && let Some(cell) = table.view().get(*root, &key)?
    {
        len = cell.bytes.len();
        let old = piece.get_mut(..len).ok_or(KeyspaceError::BadCell("a piece that is too long"))?;
        old.copy_from_slice(cell.bytes);
    }
    piece[within..][..part.len()].copy_from_slice(part);
    table.insert(root, &key, &piece[..len.max(within + part.len())], &[])?;
    Ok(())
}
