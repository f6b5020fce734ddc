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
        let len = match within {
            0 if bytes.len() >= PIECE_BYTES => write_whole(table, root, number, bytes)?,
            _ => {
                let len = bytes.len().min(PIECE_BYTES - within);
                write_piece(table, root, number, within, &bytes[..len])?;
                len
            }
        };
        at += len as u64;
        bytes = &bytes[len..];
    }
    Ok(())
}

/// Writes as many whole pieces as there are bytes for, from piece `number` on. Returns their number of bytes.
fn write_whole(
    table: &mut TableWriter,
    root: &mut Root,
    number: u32,
    bytes: &[u8],
) -> Result<usize, KeyspaceError> {
    let mut filler = Filler::new(*root);
    let (pieces, _) = bytes.as_chunks::<PIECE_BYTES>();
    for (number, piece) in (number..).zip(pieces) {
        filler.replace(table, &number.to_be_bytes(), [piece, &[]], &[], |_| ())?;
    }
    *root = filler.finish(table);
    Ok(pieces.len() * PIECE_BYTES)
}

/// Writes `part` to byte `within` of one piece, which it does not fill.
fn write_piece(
    table: &mut TableWriter,
    root: &mut Root,
    number: u32,
    within: usize,
    part: &[u8],
) -> Result<(), KeyspaceError> {
    let key = number.to_be_bytes();
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
