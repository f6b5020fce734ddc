//! Reading the pages of a table without opening it.

use std::{fs::File, io, os::unix::fs::FileExt};

use super::page::PAGE_BYTES;

/// A source of a table's pages.
pub trait PageSource {
    /// Number of whole pages.
    fn pages(&self) -> io::Result<u64>;

    /// Reads one page.
    fn read_page(&self, page: u64, out: &mut [u8; PAGE_BYTES]) -> io::Result<()>;
}

impl PageSource for File {
    fn pages(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len() / PAGE_BYTES as u64)
    }

    fn read_page(&self, page: u64, out: &mut [u8; PAGE_BYTES]) -> io::Result<()> {
        self.read_exact_at(out, page * PAGE_BYTES as u64)
    }
}

impl PageSource for [u8] {
    fn pages(&self) -> io::Result<u64> {
        Ok((self.len() / PAGE_BYTES) as u64)
    }

    fn read_page(&self, page: u64, out: &mut [u8; PAGE_BYTES]) -> io::Result<()> {
        let pages = self.as_chunks().0;
        *out = *pages.get(page as usize).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(())
    }
}
