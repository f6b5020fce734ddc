//! Bitmaps over page numbers: a plain one, and one that finds its lowest clear bit quickly.

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

/// Which pages are taken, with the lowest free page found in a few steps.
pub(super) struct TakenMap {
    /// Set for pages that are taken, and for those behind the file's end.
    taken: Bitmap,
    /// One bit a word of `taken`: whether it has a clear bit.
    open: Vec<u64>,
    /// No word of `open` before this one has a set bit.
    low: usize,
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
        TakenMap { taken: Bitmap { words }, open, low: 0, pages, free }
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

    /// Takes the lowest free page.
    pub(super) fn take_lowest(&mut self) -> Option<u32> {
        while self.low < self.open.len() {
            let open = self.open[self.low];
            if open != 0 {
                let word = self.low * 64 + open.trailing_zeros() as usize;
                let page = word as u32 * 64 + self.taken.words[word].trailing_ones();
                self.take(page);
                return Some(page);
            }
            self.low += 1;
        }
        None
    }

    /// Takes a page that is free.
    fn take(&mut self, page: u32) {
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
        self.low = self.low.min(word / 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_page_is_taken_first() {
        let mut live = Bitmap::default();
        live.grow(200);
        (0..150).for_each(|page| live.set(page));
        let mut map = TakenMap::new(&live, 200);
        assert_eq!((map.free(), map.take_lowest()), (50, Some(150)));
        map.release(3);
        assert_eq!((map.take_lowest(), map.take_lowest()), (Some(3), Some(151)));
        while map.take_lowest().is_some() {}
        assert_eq!(map.free(), 0);
        map.grow(10_000);
        assert_eq!((map.free(), map.take_lowest()), (9_800, Some(200)));
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
