//! `LCS`: the longest common subsequence of two strings.
//!
//! The lengths of the common subsequences of all pairs of prefixes are computed row by row; only two rows are kept. For
//! the way back, one bit per pair says which neighbour was longer. So this needs a thirty-second of the memory of the
//! table that Redis keeps. Where Redis refuses because that table would be too large, this refuses too, because it
//! would take too long.

use super::text;
use crate::command::{CommandError, ReadCtx, words};
use crate::resp::{Args, Reply};
use crate::table::{TableError, View};

/// Pairs of bytes that are compared in the time of a lookup.
const PAIRS_PER_LOOKUP: u64 = 512;

/// The parsed options.
#[derive(Default)]
struct Options {
    /// `LEN`: only the length.
    len: bool,
    /// `IDX`: the matching ranges.
    idx: bool,
    /// `WITHMATCHLEN`: each range's length too.
    with_match_len: bool,
    /// `MINMATCHLEN`: ranges shorter than this are left out.
    match_len_min: i64,
}

impl Options {
    /// Parses the options after the keys.
    fn parse(args: &Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut rest = args.from(3);
        while let Some(word) = rest.next() {
            if words::is(word, "idx") {
                options.idx = true;
            } else if words::is(word, "len") {
                options.len = true;
            } else if words::is(word, "withmatchlen") {
                options.with_match_len = true;
            } else if words::is(word, "minmatchlen") {
                options.match_len_min = words::integer(rest.next().ok_or(CommandError::SYNTAX)?)?.max(0);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        if options.idx && options.len {
            return Err("ERR If you want both the length and indexes, please just use IDX.".into());
        }
        Ok(options)
    }
}

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]`
pub(super) fn lcs(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let mut operand = |key: &[u8]| match text(context, key) {
        Err(CommandError::Reply(_)) => Err("ERR The specified keys must contain string values".into()),
        outcome => outcome,
    };
    let (a, b) = (operand(&args[1])?, operand(&args[2])?);
    let options = Options::parse(args)?;
    let len = |text: &Option<crate::keyspace::Text<'_>>| text.map_or(0, |text| text.len());
    // The bytes of Redis's table. Lengths are at most 2^29, so this cannot overflow.
    let table_bytes = (len(&a) + 1) * (len(&b) + 1) * 4;
    if table_bytes > context.limits.value_bytes_max {
        let text = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
        return Err(text.into());
    }
    let view = context.keys.view();
    view.check_lookups(len(&a) * len(&b) / PAIRS_PER_LOOKUP)?;
    let a = a.map(|text| text.to_contiguous(view)).transpose()?.unwrap_or_default();
    let b = b.map(|text| text.to_contiguous(view)).transpose()?.unwrap_or_default();
    if options.len {
        reply.integer(Table::fill(view, &a, &b, false)?.len as i64);
        return Ok(());
    }
    let table = Table::fill(view, &a, &b, true)?;
    if options.idx {
        reply_ranges(&table, &a, &b, &options, reply);
        return Ok(());
    }
    let mut common = Vec::with_capacity(table.len as usize);
    table.walk_back(&a, &b, |i, _| common.push(a[i]));
    common.reverse();
    reply.bulk(&common);
    Ok(())
}

/// The computed lengths, as far as needed.
struct Table {
    /// Length of the longest common subsequence.
    len: u32,
    /// One bit per pair of prefixes: whether the subsequence is longer without the last byte of `a` than without that
    /// of `b`.
    without_a: Vec<u64>,
    /// Pairs per row.
    width: usize,
}

impl Table {
    /// Computes the lengths; with `directions` also the bits for [`Table::walk_back`].
    fn fill(view: &View<'_>, a: &[u8], b: &[u8], directions: bool) -> Result<Self, TableError> {
        let width = b.len() + 1;
        let bits = if directions { (a.len() + 1) * width } else { 0 };
        let mut table = Self { len: 0, without_a: vec![0; bits.div_ceil(64)], width };
        let mut row = vec![0_u32; width];
        for (i, byte_a) in a.iter().enumerate() {
            view.spend(width as u64 / PAIRS_PER_LOOKUP)?;
            let mut diagonal = 0;
            for (j, byte_b) in b.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if byte_a == byte_b { diagonal + 1 } else { above.max(row[j]) };
                if directions && byte_a != byte_b && above > row[j] {
                    let bit = (i + 1) * width + j + 1;
                    table.without_a[bit / 64] |= 1 << (bit % 64);
                }
                diagonal = above;
            }
        }
        table.len = row[b.len()];
        Ok(table)
    }

    /// Calls `see` with the positions of the common bytes in `a` and `b`, from the last to the first.
    fn walk_back(&self, a: &[u8], b: &[u8], mut see: impl FnMut(usize, usize)) {
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                see(i - 1, j - 1);
                (i, j) = (i - 1, j - 1);
                continue;
            }
            let bit = i * self.width + j;
            if self.without_a[bit / 64] >> (bit % 64) & 1 == 1 {
                i -= 1;
            } else {
                j -= 1;
            }
        }
    }
}

/// A matching range: bytes that are consecutive in both strings.
#[derive(Clone, Copy)]
struct Range {
    /// Where they start in the first string.
    a: usize,
    /// Where they start in the second string.
    b: usize,
    /// Number of bytes.
    len: usize,
}

/// Replies with the matching ranges, the last one first, and the length.
fn reply_ranges(table: &Table, a: &[u8], b: &[u8], options: &Options, reply: &mut Reply<'_>) {
    let mut ranges: Vec<Range> = Vec::new();
    table.walk_back(a, b, |i, j| match ranges.last_mut() {
        Some(range) if range.a == i + 1 && range.b == j + 1 => {
            *range = Range { a: i, b: j, len: range.len + 1 };
        }
        _ => ranges.push(Range { a: i, b: j, len: 1 }),
    });
    ranges.retain(|range| range.len as i64 >= options.match_len_min);
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(ranges.len());
    for range in ranges {
        reply.array(2 + usize::from(options.with_match_len));
        for start in [range.a, range.b] {
            reply.array(2);
            reply.integer(start as i64);
            reply.integer((start + range.len - 1) as i64);
        }
        if options.with_match_len {
            reply.integer(range.len as i64);
        }
    }
    reply.bulk(b"len");
    reply.integer(i64::from(table.len));
}
