//! Where the pieces of a reply go that is sent while it is made.

/// The most bytes of a piece.
pub const PIECE_BYTES_MAX: usize = 64 << 10;

/// Takes the pieces of a reply that is sent while it is made.
pub trait Sink {
    /// Takes a piece, of [`PIECE_BYTES_MAX`] bytes at most, and leaves an empty buffer. Waits while too much was not sent
    /// yet. `false` if the reply is not wanted, or may not be sent; then no more pieces may follow.
    fn take(&mut self, piece: &mut Vec<u8>) -> bool;
}
