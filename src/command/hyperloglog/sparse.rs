//! Sparse registers: runs of equal registers. Used while most are zero.
//!
//! ```text
//! 00nnnnnn            n + 1 registers are zero
//! 01nnnnnn nnnnnnnn   n + 1 registers are zero
//! 1vvvvvnn            n + 1 registers are v + 1
//! ```

use smallvec::SmallVec;

/// Number of registers.
pub(super) const REGISTERS: usize = 1 << REGISTER_BITS;
/// Bits of a hash that choose the register.
pub(super) const REGISTER_BITS: u32 = 14;
/// The highest register that a run can hold.
pub(super) const VALUE_MAX: u8 = 32;
/// The most registers of a short run of zeros.
const SHORT_ZEROS_MAX: usize = 64;
/// The most registers of a run of values.
const VALUES_MAX: usize = 4;
/// Runs that are checked for neighbours that have become equal.
const MERGED_RUNS: usize = 5;

/// Equal registers in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The registers' value.
    pub(super) value: u8,
    /// Number of registers.
    pub(super) len: usize,
    /// Bytes that the run takes.
    pub(super) bytes: usize,
}

/// An encoded run, or the runs that replace it.
type Encoded = SmallVec<[u8; 8]>;

/// Reads the first run; `None` if the bytes end within it.
fn read(bytes: &[u8]) -> Option<Run> {
    let (&first, rest) = bytes.split_first()?;
    let low = usize::from(first & 0x3F);
    Some(match first >> 6 {
        0 => Run { value: 0, len: low + 1, bytes: 1 },
        1 => Run { value: 0, len: (low << 8 | usize::from(*rest.first()?)) + 1, bytes: 2 },
        _ => Run { value: (first >> 2 & 0x1F) + 1, len: usize::from(first & 3) + 1, bytes: 1 },
    })
}

/// Calls `see` with each run and the index of its first register. Returns whether the bytes are exactly the registers.
pub(super) fn each(mut bytes: &[u8], mut see: impl FnMut(usize, Run)) -> bool {
    let mut first = 0;
    while !bytes.is_empty() {
        let Some(run) = read(bytes).filter(|run| first + run.len <= REGISTERS) else { return false };
        see(first, run);
        first += run.len;
        bytes = &bytes[run.bytes..];
    }
    first == REGISTERS
}

/// The fewest bytes in which these registers can be encoded.
pub(super) fn bytes_min(registers: &[u8; REGISTERS]) -> usize {
    let runs = registers.chunk_by(|one, next| one == next);
    runs.map(|run| match run[0] {
        0 if run.len() > SHORT_ZEROS_MAX => 2,
        0 => 1,
        _ => run.len().div_ceil(VALUES_MAX),
    })
    .sum()
}

/// The bytes of registers that are all zero.
pub(super) fn zeros() -> Vec<u8> {
    let mut bytes = Encoded::new();
    push_zeros(&mut bytes, REGISTERS);
    bytes.to_vec()
}

/// Adds a run of zeros, if it is not empty.
fn push_zeros(bytes: &mut Encoded, len: usize) {
    match len {
        0 => {}
        1..=SHORT_ZEROS_MAX => bytes.push((len - 1) as u8),
        _ => bytes.extend_from_slice(&[0x40 | ((len - 1) >> 8) as u8, (len - 1) as u8]),
    }
}

/// Adds a run of values, if it is not empty.
fn push_values(bytes: &mut Encoded, value: u8, len: usize) {
    if len > 0 {
        bytes.push(0x80 | (value - 1) << 2 | (len - 1) as u8);
    }
}

/// What happened to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was already as high.
    Unchanged,
    /// It is higher now.
    Changed,
    /// It would need too many bytes, or a value that no run can hold.
    Full,
}

/// Raises a register to at least `value`. `bytes` must be valid; they grow by up to `room` bytes.
pub(super) fn raise(bytes: &mut Vec<u8>, index: usize, value: u8, room: usize) -> Raised {
    if value > VALUE_MAX {
        return Raised::Full;
    }
    let (mut at, mut first, mut previous) = (0, 0, 0);
    let run = loop {
        let Some(run) = read(&bytes[at..]) else {
            unreachable!("the runs were checked to hold all registers");
        };
        if index < first + run.len {
            break run;
        }
        (previous, at, first) = (at, at + run.bytes, first + run.len);
    };
    if run.value >= value {
        return Raised::Unchanged;
    }
    let (before, behind) = (index - first, first + run.len - index - 1);
    let mut split = Encoded::new();
    if run.value == 0 {
        push_zeros(&mut split, before);
        push_values(&mut split, value, 1);
        push_zeros(&mut split, behind);
    } else {
        push_values(&mut split, run.value, before);
        push_values(&mut split, value, 1);
        push_values(&mut split, run.value, behind);
    }
    if split.len() > run.bytes && split.len() - run.bytes > room {
        return Raised::Full;
    }
    bytes.splice(at..at + run.bytes, split);
    merge_equal(bytes, previous);
    Raised::Changed
}

/// Merges neighbours of equal values among a few runs from `at` on.
fn merge_equal(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGED_RUNS {
        let Some(run) = read(&bytes[at..]) else { return };
        let next = read(&bytes[at + run.bytes..]);
        match next {
            Some(next) if run.value > 0 && next.value == run.value && run.len + next.len <= VALUES_MAX => {
                let mut merged = Encoded::new();
                push_values(&mut merged, run.value, run.len + next.len);
                bytes.splice(at..at + 2, merged);
            }
            _ => at += run.bytes,
        }
    }
}
