//! Bitmaps over page numbers: a plain one, and one that finds its next clear bit quickly.

/// One bit for each page.
#[derive(Clone, Default)]
pub(super) struct Bitmap {
    /// 64 pages in each word, the lowest page in the lowest bit.
    words: Vec<u64>,
}

impl Bitmap {
    /// Makes room for `pages` pages; new bits are clear.
    pub(super) fn resize(&mut self, pages: u64) {
        self.words.resize(pages.div_ceil(64) as usize, 0);
    }

    /// Whether no bit of page `from` or a later one is set.
    pub(super) fn is_clear_from(&self, from: u64) -> bool {
        let (word, mask) = ((from / 64) as usize, u64::MAX << (from % 64));
        let Some((first, rest)) = self.words.get(word..).and_then(<[u64]>::split_first) else { return true };
        first & mask == 0 && rest.iter().all(|word| *word == 0)
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

    /// The words, to be filled in.
    pub(super) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// Clears all bits and returns the pages whose bit was set, in order.
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

/// Which pages are taken. Finds the next free page in a few steps.
///
/// Pages are allocated in rounds through the file (next fit). So the pages written between two checkpoints are as
/// contiguous as the free pages are, and few transfers write them. While the file is to become shorter, the rounds end
/// at a *ceiling*: pages above it are not allocated and become free.
pub(super) struct TakenMap {
    /// Set for pages that are taken, and for those after the file's end.
    taken: Bitmap,
    /// One bit for each word of `taken`: whether that word has a clear bit.
    open: Vec<u64>,
    /// The word of `taken` where the search for the next free page starts.
    at: usize,
    /// Pages from this word of `taken` on are allocated only if no other is free.
    ceiling: usize,
    /// Number of pages in the file.
    pages: u64,
    /// Number of pages that are not taken.
    free: u64,
}

impl TakenMap {
    /// The map of a file of `pages` pages. Those set in `live` are taken.
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
        TakenMap { taken: Bitmap { words }, open, at: 0, ceiling: usize::MAX, pages, free }
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

    /// Shortens the file to `pages` pages. None of those cut off may be taken.
    pub(super) fn shrink(&mut self, pages: u64) {
        assert!(pages > 0 && self.taken_end() <= pages && pages <= self.pages);
        self.free -= self.pages - pages;
        self.pages = pages;
        let words = pages.div_ceil(64) as usize;
        self.taken.words.truncate(words);
        self.open.truncate(words.div_ceil(64));
        let last = words - 1;
        if !pages.is_multiple_of(64) {
            self.taken.words[last] |= u64::MAX << (pages % 64);
        }
        let is_open = u64::from(self.taken.words[last] != u64::MAX) << (last % 64);
        let open = &mut self.open[last / 64];
        *open = *open & !(u64::MAX << (last % 64)) | is_open;
        self.at = self.at.min(last);
    }

    /// The page after the last one that is taken.
    pub(super) fn taken_end(&self) -> u64 {
        let mut words = self.taken.words.iter().enumerate().rev().map(|(index, word)| {
            let inside = self.pages - index as u64 * 64;
            (index, if inside < 64 { word & !(u64::MAX << inside) } else { *word })
        });
        let last = words.find(|(_, word)| *word != 0);
        last.map_or(0, |(index, word)| index as u64 * 64 + 64 - u64::from(word.leading_zeros()))
    }

    /// From now on, allocates pages from the next whole word at or above `pages` only if no other is free.
    pub(super) fn set_ceiling(&mut self, pages: u64) {
        self.ceiling = pages.div_ceil(64) as usize;
    }

    /// Whether a page lies above the ceiling.
    pub(super) fn is_above_ceiling(&self, page: u64) -> bool {
        (page / 64) as usize >= self.ceiling
    }

    /// Number of free pages below the ceiling.
    pub(super) fn free_below_ceiling(&self) -> u64 {
        let words = &self.taken.words[..self.ceiling.min(self.taken.words.len())];
        words.iter().map(|word| u64::from(word.count_zeros())).sum()
    }

    /// Takes the next free page. After the last one below the ceiling, the search starts at the first page again.
    pub(super) fn take_next(&mut self) -> Option<u32> {
        let ceiling = self.ceiling;
        self.at = self.next_open(self.at).filter(|word| *word < ceiling).or_else(|| self.next_open(0))?;
        if self.at >= ceiling {
            // None is free below the ceiling, so do not search there each time.
            self.ceiling = usize::MAX;
        }
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
        live.resize(200);
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
    fn pages_below_the_ceiling_are_taken_first_and_the_free_end_can_be_cut_off() {
        let mut map = TakenMap::new(&Bitmap::default(), 300);
        let all: Vec<u32> = std::iter::from_fn(|| map.take_next()).collect();
        assert_eq!((all, map.taken_end()), ((0..300).collect(), 300));
        [3, 100, 250, 270].into_iter().for_each(|page| map.release(page));
        map.set_ceiling(128);
        assert_eq!(
            (map.free_below_ceiling(), map.is_above_ceiling(127), map.is_above_ceiling(128)),
            (2, false, true)
        );
        assert_eq!([map.take_next(), map.take_next(), map.take_next()], [Some(3), Some(100), Some(250)]);
        (70..300).filter(|page| *page != 270).for_each(|page| map.release(page));
        assert_eq!((map.taken_end(), map.free()), (70, 230));
        // In the middle of a word, at the end of one, and so that a word is full.
        for pages in [200, 128, 70] {
            map.shrink(pages);
            assert_eq!((map.pages(), map.free(), map.taken_end()), (pages, pages - 70, 70));
        }
        assert_eq!(map.take_next(), None);
        map.grow(200);
        let rest: Vec<u32> = std::iter::from_fn(|| map.take_next()).collect();
        assert_eq!(rest, (70..200).collect::<Vec<_>>());
    }

    #[test]
    fn a_bitmap_says_whether_its_end_is_clear() {
        let mut map = Bitmap::default();
        map.resize(200);
        assert!(map.is_clear_from(0));
        map.set(70);
        assert!(
            !map.is_clear_from(0)
                && !map.is_clear_from(70)
                && map.is_clear_from(71)
                && map.is_clear_from(500)
        );
    }

    #[test]
    fn a_bitmap_drains_in_order() {
        let mut map = Bitmap::default();
        map.resize(130);
        [129, 0, 64].into_iter().for_each(|page| map.set(page));
        assert_eq!(map.drain(), [0, 64, 129]);
        assert!(map.drain().is_empty());
    }
}
