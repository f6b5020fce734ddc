//! One HyperLogLog: a header, and 16384 registers of six bits.
//!
//! ```text
//! sketch   = "HYLL" | encoding u8 | 3 bytes, unused | count u64 LE | registers
//! encoding = 0 dense: six bits per register, the lowest bits of the first byte first
//!            1 sparse: see `sparse`
//! count    = the number of elements, about; the highest bit says that it is out of date
//! ```
//!
//! The hash of an element chooses a register. The register holds the largest number of zeros that the rest of such a
//! hash has ended with, plus one. A sketch becomes dense when a register is too high for the sparse form, or the sparse
//! form is too long. It never becomes sparse again.

use super::hash::hash;
use super::sparse::{self, REGISTER_BITS, REGISTERS, Raised};
use crate::command::CommandError;

/// Bits of a hash that do not choose the register.
const HASH_BITS: u32 = 64 - REGISTER_BITS;
/// Bytes of the header.
const HEADER_BYTES: usize = 16;
/// Bytes of a dense sketch.
pub(super) const DENSE_BYTES: usize = HEADER_BYTES + REGISTERS * 6 / 8;
/// The most bytes of a sparse sketch: Redis's default of `hll-sparse-max-bytes`.
const SPARSE_BYTES_MAX: usize = 3000;
/// The most bytes of any valid sketch: every register is a run of two bytes.
pub(super) const BYTES_MAX: usize = HEADER_BYTES + 2 * REGISTERS;
/// The constant of the estimate, 1 / (2 ln 2).
const ALPHA: f64 = 0.5 / std::f64::consts::LN_2;

/// Offset of the encoding.
const ENCODING_AT: usize = 4;
/// Offset of the count.
const COUNT_AT: usize = 8;
/// The encoding of dense registers.
const DENSE: u8 = 0;
/// The encoding of sparse registers.
const SPARSE: u8 = 1;
/// The bit of the count's last byte that says that the count is out of date.
const OUT_OF_DATE: u8 = 0x80;

/// A valid sketch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sketch {
    /// The header.
    header: [u8; HEADER_BYTES],
    /// The registers, encoded.
    registers: Vec<u8>,
    /// All bytes, for storing.
    bytes: Vec<u8>,
}

impl Default for Sketch {
    /// A sketch of no elements.
    fn default() -> Self {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(b"HYLL");
        header[ENCODING_AT] = SPARSE;
        Self { header, registers: sparse::zeros(), bytes: Vec::new() }.joined()
    }
}

/// Whether the registers of what should be a sketch are dense.
pub(super) fn is_dense(bytes: &[u8]) -> Result<bool, CommandError> {
    let is_sketch = bytes.len() >= HEADER_BYTES
        && bytes.starts_with(b"HYLL")
        && bytes[ENCODING_AT] <= SPARSE
        && (bytes[ENCODING_AT] == SPARSE || bytes.len() == DENSE_BYTES);
    match is_sketch {
        true => Ok(bytes[ENCODING_AT] == DENSE),
        false => Err("WRONGTYPE Key is not a valid HyperLogLog string value.".into()),
    }
}

/// The cached count of a valid sketch, unless it is out of date.
pub(super) fn known_count(bytes: &[u8]) -> Option<u64> {
    let count = bytes[COUNT_AT..HEADER_BYTES].try_into().expect("eight bytes end the header");
    (bytes[HEADER_BYTES - 1] & OUT_OF_DATE == 0).then_some(u64::from_le_bytes(count))
}

/// The error of a sketch whose registers cannot be read.
fn corrupted() -> CommandError {
    "INVALIDOBJ Corrupted HLL object detected".into()
}

impl Sketch {
    /// Parses a sketch.
    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, CommandError> {
        if !is_dense(&bytes)? && !sparse::each(&bytes[HEADER_BYTES..], |_, _| ()) {
            return Err(corrupted());
        }
        let (header, registers) = bytes.split_at(HEADER_BYTES);
        let header = header.try_into().expect("the header was split off");
        Ok(Self { header, registers: registers.to_vec(), bytes })
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the sketch with `bytes` up to date.
    fn joined(mut self) -> Self {
        self.join();
        self
    }

    /// Updates `bytes` after a change.
    fn join(&mut self) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&self.header);
        self.bytes.extend_from_slice(&self.registers);
    }

    /// Whether the registers are dense.
    pub(super) fn is_dense(&self) -> bool {
        self.header[ENCODING_AT] == DENSE
    }

    /// Marks the cached count as out of date. To be called at the end of a series of changes.
    pub(super) fn invalidate_count(&mut self) {
        self.header[HEADER_BYTES - 1] |= OUT_OF_DATE;
        self.join();
    }

    /// Adds an element; returns whether that changed anything.
    pub(super) fn add(&mut self, element: &[u8]) -> bool {
        let hash = hash(element);
        let index = hash as usize % REGISTERS;
        let value = (hash >> REGISTER_BITS | 1 << HASH_BITS).trailing_zeros() as u8 + 1;
        self.raise_one(index, value)
    }

    /// Raises every register to at least that of `registers`.
    pub(super) fn raise(&mut self, registers: &Registers) {
        let mut all = registers.clone();
        self.merge_into(&mut all);
        let sparse_bytes_max = SPARSE_BYTES_MAX - HEADER_BYTES;
        if !self.is_dense()
            && self.registers.len() <= sparse_bytes_max
            && sparse::bytes_min(&all.0) > sparse_bytes_max
        {
            // Sooner or later it would become dense anyway.
            self.make_dense();
        }
        if self.is_dense() {
            all.pack(&mut self.registers);
            return;
        }
        for (index, value) in registers.0.iter().enumerate() {
            if *value > 0 {
                self.raise_one(index, *value);
            }
        }
    }

    /// Raises a register to at least `value`; returns whether that changed it.
    pub(super) fn raise_one(&mut self, index: usize, value: u8) -> bool {
        if !self.is_dense() {
            let room = (SPARSE_BYTES_MAX - HEADER_BYTES).saturating_sub(self.registers.len());
            match sparse::raise(&mut self.registers, index, value, room) {
                Raised::Unchanged => return false,
                Raised::Changed => return true,
                Raised::Full => self.make_dense(),
            }
        }
        let changed = dense_register(&self.registers, index) < value;
        if changed {
            set_dense_register(&mut self.registers, index, value);
        }
        changed
    }

    /// Makes the registers dense.
    pub(super) fn make_dense(&mut self) {
        if self.is_dense() {
            return;
        }
        let mut registers = Registers::default();
        self.merge_into(&mut registers);
        self.header[ENCODING_AT] = DENSE;
        self.registers = vec![0; DENSE_BYTES - HEADER_BYTES];
        registers.pack(&mut self.registers);
    }

    /// Raises every register of `registers` to at least that of the sketch.
    pub(super) fn merge_into(&self, registers: &mut Registers) {
        match self.is_dense() {
            true => registers.raise_to_dense(&self.registers),
            false => _ = registers.raise_to_sparse(&self.registers),
        }
    }
}

#[cfg(test)]
impl Sketch {
    /// A register.
    pub(super) fn register(&self, index: usize) -> u8 {
        if self.is_dense() {
            return dense_register(&self.registers, index);
        }
        let mut value = 0;
        sparse::each(&self.registers, |first, run| {
            if (first..first + run.len).contains(&index) {
                value = run.value;
            }
        });
        value
    }
}

/// The byte in which a dense register starts, and the number of bits before it there.
fn place(index: usize) -> (usize, usize) {
    (index * 6 / 8, index * 6 % 8)
}

/// Two bytes as one number; after the last byte there are zeros.
fn pair(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes.get(at + 1).copied().unwrap_or(0)])
}

/// A dense register.
fn dense_register(bytes: &[u8], index: usize) -> u8 {
    let (at, shift) = place(index);
    (pair(bytes, at) >> shift & 0x3F) as u8
}

/// Changes a dense register.
fn set_dense_register(bytes: &mut [u8], index: usize, value: u8) {
    let (at, shift) = place(index);
    let both = pair(bytes, at) & !(0x3F << shift) | u16::from(value) << shift;
    let [low, high] = both.to_le_bytes();
    bytes[at] = low;
    if let Some(byte) = bytes.get_mut(at + 1) {
        *byte = high;
    }
}

/// Eight dense registers, one byte each. The bits are moved apart in three steps: into halves of the word, into quarters,
/// and into bytes.
fn spread(dense: [u8; 6]) -> [u8; 8] {
    let [a, b, c, d, e, f] = dense;
    let word = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    let word = word & 0xFF_FFFF | (word & 0xFFFF_FF00_0000) << 8;
    let word = word & 0x0FFF_0000_0FFF | (word & 0x00FF_F000_00FF_F000) << 4;
    (word & 0x003F_003F_003F_003F | (word & 0x0FC0_0FC0_0FC0_0FC0) << 2).to_le_bytes()
}

/// The dense form of eight registers: the steps of [`spread`] backwards.
fn gather(registers: [u8; 8]) -> [u8; 6] {
    let word = u64::from_le_bytes(registers);
    let word = word & 0x003F_003F_003F_003F | (word & 0x3F00_3F00_3F00_3F00) >> 2;
    let word = word & 0x0FFF_0000_0FFF | (word & 0x0FFF_0000_0FFF_0000) >> 4;
    let word = word & 0xFF_FFFF | (word & 0x00FF_FFFF_0000_0000) >> 8;
    let [a, b, c, d, e, f, ..] = word.to_le_bytes();
    [a, b, c, d, e, f]
}

/// All registers, one byte each.
#[derive(Clone)]
pub(super) struct Registers(Box<[u8; REGISTERS]>);

impl Default for Registers {
    fn default() -> Self {
        Self(Box::new([0; REGISTERS]))
    }
}

impl Registers {
    /// Raises every register to at least that of the sketch in these bytes.
    pub(super) fn raise_to(&mut self, sketch: &[u8]) -> Result<(), CommandError> {
        let is_dense = is_dense(sketch)?;
        let registers = &sketch[HEADER_BYTES..];
        if is_dense {
            self.raise_to_dense(registers);
        } else if !self.raise_to_sparse(registers) {
            return Err(corrupted());
        }
        Ok(())
    }

    /// Raises every register to at least the dense one.
    fn raise_to_dense(&mut self, dense: &[u8]) {
        for (registers, dense) in self.0.as_chunks_mut::<8>().0.iter_mut().zip(dense.as_chunks().0) {
            let others = spread(*dense);
            registers.iter_mut().zip(others).for_each(|(register, other)| *register = (*register).max(other));
        }
    }

    /// Raises every register to at least the sparse one. Returns whether the bytes were exactly the registers.
    fn raise_to_sparse(&mut self, sparse: &[u8]) -> bool {
        sparse::each(sparse, |first, run| {
            if run.value > 0 {
                for register in &mut self.0[first..first + run.len] {
                    *register = (*register).max(run.value);
                }
            }
        })
    }

    /// Writes the registers in dense form.
    fn pack(&self, dense: &mut [u8]) {
        for (dense, registers) in dense.as_chunks_mut().0.iter_mut().zip(self.0.as_chunks().0) {
            *dense = gather(*registers);
        }
    }

    /// The approximate number of elements: Ertl's improved estimate, from how often each value occurs.
    pub(super) fn count(&self) -> u64 {
        const VALUE_MAX: usize = HASH_BITS as usize + 1;
        let mut occurs = [0_u32; 64];
        self.0.iter().for_each(|value| occurs[usize::from(value & 0x3F)] += 1);
        let all = REGISTERS as f64;
        let mut sum = all * tau((all - f64::from(occurs[VALUE_MAX])) / all);
        for value in (1..VALUE_MAX).rev() {
            sum = (sum + f64::from(occurs[value])) * 0.5;
        }
        sum += all * sigma(f64::from(occurs[0]) / all);
        (ALPHA * all * all / sum).round() as u64
    }
}

/// The contribution of the registers that are zero.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

/// The contribution of the registers with the highest value.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if before == z {
            return z / 3.0;
        }
    }
}
