//! Bitmaps over page numbers: a plain one, and one that finds its next clear bit quickly.

/// One bit a page.
#[derive(Clone, Default)]
pub(super) struct Bitmap {
    /// 64 pages a word, the lowest page in the lowest bit.
    words: Vec<u64>,
}

impl Bitmap {
    /// Makes room for `pages` pages; new bits are clear.
    pub(super) fn grow(&mut self, pages: u64) {
        self.words.resize(pages.div_ceil(64) as usize, 0);
    }

    /// Whether the page's bit is set.
    pub(super) fn get(&self, page: u32) -> bool {
        self.words[page as usize / 64] >> (page % 64) & 1 == 1
    }

    /// Sets the page's bit.
    pub(super) fn set(&mut self, page: u32) {
        self.words[page as usize / 64] |= 1 << (page % 64);
    }

    /// Clears the page's bit.
    pub(super) fn clear(&mut self, page: u32) {
        self.words[page as usize / 64] &= !(1 << (page % 64));
    }

    /// The words, 64 pages each.
    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The words, to be filled.
    pub(super) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// All pages whose bit is set, in order; their bits are cleared.
    pub(super) fn drain(&mut self) -> Vec<u32> {
        let mut pages = Vec::with_capacity(self.words.iter().map(|word| word.count_ones() as usize).sum());
        for (index, word) in self.words.iter_mut().enumerate() {
            let mut bits = std::mem::take(word);
            while bits != 0 {
                pages.push(index as u32 * 64 + bits.trailing_zeros());
                bits &= bits - 1;
            }
        }
        pages
    }
}

/// Which pages are taken, with the next free page found in a few steps.
///
/// Pages are handed out in rounds through the file (next fit): those that are written between two checkpoints lie side by
/// side as far as the free ones do, so that few transfers write them.
pub(super) struct TakenMap {
    /// Set for pages that are taken, and for those behind the file's end.
    taken: Bitmap,
    /// One bit a word of `taken`: whether it has a clear bit.
    open: Vec<u64>,
    /// The word of `taken` in which the next free page is looked for first.
    at: usize,
    /// Number of pages in the file.
    pages: u64,
    /// Number of pages that are not taken.
    free: u64,
}

impl TakenMap {
    /// The map of a file of `pages` pages, of which those that are set in `live` are taken.
    pub(super) fn new(live: &Bitmap, pages: u64) -> TakenMap {
        let mut words = live.words.clone();
        words.resize(pages.div_ceil(64) as usize, 0);
        if let Some(last) = words.last_mut().filter(|_| !pages.is_multiple_of(64)) {
            *last |= u64::MAX << (pages % 64);
        }
        let free = words.iter().map(|word| u64::from(word.count_zeros())).sum();
        let open = words.chunks(64).map(|words| {
            let bits = words.iter().enumerate().map(|(bit, word)| u64::from(*word != u64::MAX) << bit);
            bits.sum()
        });
        let open = open.collect();
        TakenMap { taken: Bitmap { words }, open, at: 0, pages, free }
    }

    /// Number of pages in the file.
    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    /// Number of pages that are not taken.
    pub(super) fn free(&self) -> u64 {
        self.free
    }

    /// Adds the pages up to `pages` as free ones.
    pub(super) fn grow(&mut self, pages: u64) {
        assert!(pages >= self.pages && pages <= u64::from(u32::MAX));
        self.taken.words.resize(pages.div_ceil(64) as usize, u64::MAX);
        self.open.resize(self.taken.words.len().div_ceil(64), 0);
        for page in self.pages..pages {
            self.release(page as u32);
        }
        self.pages = pages;
    }

    /// Takes the next free page; behind the last one of the file comes the first.
    pub(super) fn take_next(&mut self) -> Option<u32> {
        self.at = self.next_open(self.at).or_else(|| self.next_open(0))?;
        let page = self.at as u32 * 64 + self.taken.words[self.at].trailing_ones();
        self.take(page);
        Some(page)
    }

    /// The next word of `taken` with a clear bit, from word `from` on.
    fn next_open(&self, from: usize) -> Option<usize> {
        let first = from / 64;
        let mask = u64::MAX << (from % 64);
        let words = self.open.iter().enumerate().skip(first);
        words
            .map(|(index, open)| (index, if index == first { open & mask } else { *open }))
            .find(|(_, open)| *open != 0)
            .map(|(index, open)| index * 64 + open.trailing_zeros() as usize)
    }

    /// Whether a page is taken.
    pub(super) fn is_taken(&self, page: u32) -> bool {
        self.taken.get(page)
    }

    /// Takes a page that is free.
    pub(super) fn take(&mut self, page: u32) {
        assert!(!self.taken.get(page), "a page is taken once");
        self.taken.set(page);
        self.free -= 1;
        let word = page as usize / 64;
        if self.taken.words[word] == u64::MAX {
            self.open[word / 64] &= !(1 << (word % 64));
        }
    }

    /// Makes a taken page free.
    pub(super) fn release(&mut self, page: u32) {
        assert!(self.taken.get(page), "a page is released once");
        self.taken.clear(page);
        self.free += 1;
        let word = page as usize / 64;
        self.open[word / 64] |= 1 << (word % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_pages_are_taken_in_rounds_through_the_file() {
        let mut live = Bitmap::default();
        live.grow(200);
        (0..150).for_each(|page| live.set(page));
        let mut map = TakenMap::new(&live, 200);
        assert_eq!((map.free(), map.take_next()), (50, Some(150)));
        map.release(3);
        assert_eq!((map.take_next(), map.take_next()), (Some(151), Some(152)));
        let rest: Vec<u32> = std::iter::from_fn(|| map.take_next()).collect();
        assert_eq!(rest, (153..200).chain([3]).collect::<Vec<_>>());
        assert_eq!(map.free(), 0);
        map.grow(10_000);
        map.release(70);
        assert_eq!((map.free(), map.take_next(), map.take_next()), (9_801, Some(70), Some(200)));
    }

    #[test]
    fn a_bitmap_drains_in_order() {
        let mut map = Bitmap::default();
        map.grow(130);
        [129, 0, 64].into_iter().for_each(|page| map.set(page));
        assert_eq!(map.drain(), [0, 64, 129]);
        assert!(map.drain().is_empty());
    }
}
