//! Positions on the earth as scores: 52 bits that name a cell of a grid. Each pair of bits makes the grid finer.
//!
//! ```text
//! bits = latitude's index and longitude's index, bit by bit in turn, the latitude's lowest bit last
//! ```
//!
//! A cell of a coarse grid is a range of cells of the finest grid, so all positions within it are a range of scores.

use crate::effect::Score;

/// Steps of the finest grid, in which positions are stored. Each step halves both sides of a cell.
pub(super) const STEPS_MAX: u32 = 26;
/// The greatest longitude, in degrees.
pub(super) const LONGITUDE_MAX: f64 = 180.0;
/// The greatest latitude, in degrees: with it the Mercator projection of the world is a square.
pub(super) const LATITUDE_MAX: f64 = 85.051_128_78;
/// The greatest latitude of the standard geohash, in degrees.
const LATITUDE_MAX_STANDARD: f64 = 90.0;
/// The digits of a geohash.
const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// Radius of the earth, in metres.
pub(super) const EARTH_RADIUS_M: f64 = 6_372_797.560_856;

/// A position, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    /// East of Greenwich.
    pub(super) longitude: f64,
    /// North of the equator.
    pub(super) latitude: f64,
}

/// A cell of one of the grids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// Its position from west to east.
    column: u32,
    /// Its position from south to north.
    row: u32,
    /// Which grid: it has 2^`steps` columns and as many rows.
    pub(super) steps: u32,
}

impl Cell {
    /// The cell that a point is in.
    pub(super) fn of(point: Point, steps: u32) -> Self {
        Self::within(point, LATITUDE_MAX, steps)
    }

    /// The cell that a point is in, if the rows of the grid reach from `-latitude_max` to `latitude_max`.
    fn within(point: Point, latitude_max: f64, steps: u32) -> Self {
        let index =
            |degrees: f64, max: f64| ((degrees + max) / (max + max) * f64::from(1_u32 << steps)) as u32;
        let (column, row) = (index(point.longitude, LONGITUDE_MAX), index(point.latitude, latitude_max));
        Self { column, row, steps }
    }

    /// The cell of the finest grid that a score names.
    pub(super) fn of_score(score: Score) -> Self {
        let bits = score.get() as u64;
        Self { column: gather(bits >> 1), row: gather(bits), steps: STEPS_MAX }
    }

    /// The bits that name the cell within its grid.
    fn bits(self) -> u64 {
        spread(self.row) | spread(self.column) << 1
    }

    /// The first score within the cell, and the first one after it.
    pub(super) fn scores(self) -> (u64, u64) {
        let shift = 2 * (STEPS_MAX - self.steps);
        (self.bits() << shift, (self.bits() + 1) << shift)
    }

    /// The cell `east` columns to the east and `north` rows to the north; it wraps around at the edges.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Self {
        if east == 0 && north == 0 {
            return self;
        }
        let last = (1 << self.steps) - 1;
        let column = self.column.wrapping_add_signed(east) & last;
        let row = self.row.wrapping_add_signed(north) & last;
        Self { column, row, ..self }
    }

    /// The south-western and the north-eastern corner.
    pub(super) fn corners(self) -> (Point, Point) {
        let at = |index: f64, max: f64| -max + index / f64::from(1_u32 << self.steps) * (max + max);
        let corner = |offset: f64| Point {
            longitude: at(f64::from(self.column) + offset, LONGITUDE_MAX),
            latitude: at(f64::from(self.row) + offset, LATITUDE_MAX),
        };
        (corner(0.0), corner(1.0))
    }

    /// The point in the middle.
    pub(super) fn middle(self) -> Point {
        let (low, high) = self.corners();
        let middle = |a: f64, b: f64, max: f64| ((a + b) / 2.0).clamp(-max, max);
        Point {
            longitude: middle(low.longitude, high.longitude, LONGITUDE_MAX),
            latitude: middle(low.latitude, high.latitude, LATITUDE_MAX),
        }
    }
}

impl Point {
    /// The point as a score.
    pub(super) fn score(self) -> u64 {
        Cell::of(self, STEPS_MAX).bits()
    }

    /// The point of a score.
    pub(super) fn of_score(score: Score) -> Self {
        Cell::of_score(score).middle()
    }

    /// The standard geohash: eleven digits. The last one is always 0, because there are no bits left for it.
    pub(super) fn geohash(self) -> [u8; 11] {
        let bits = Cell::within(self, LATITUDE_MAX_STANDARD, STEPS_MAX).bits();
        let mut digits = [b'0'; 11];
        for (index, digit) in digits[..10].iter_mut().enumerate() {
            *digit = DIGITS[(bits >> (2 * STEPS_MAX as usize - 5 * (index + 1)) & 31) as usize];
        }
        digits
    }

    /// Distance along the surface, in metres.
    pub(super) fn distance_m(self, other: Point) -> f64 {
        let east = ((other.longitude.to_radians() - self.longitude.to_radians()) / 2.0).sin();
        if east == 0.0 {
            return self.north_distance_m(other);
        }
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let north = ((to - from) / 2.0).sin();
        let haversine = north * north + from.cos() * to.cos() * east * east;
        2.0 * EARTH_RADIUS_M * haversine.sqrt().asin()
    }

    /// Distance from one parallel to the other, in metres.
    pub(super) fn north_distance_m(self, other: Point) -> f64 {
        EARTH_RADIUS_M * (other.latitude.to_radians() - self.latitude.to_radians()).abs()
    }
}

/// Inserts a zero bit above each bit.
fn spread(bits: u32) -> u64 {
    let mut bits = u64::from(bits);
    for (shift, mask) in [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Every second bit, from the lowest one on.
fn gather(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0F0F_0F0F_0F0F_0F0F),
        (4, 0x00FF_00FF_00FF_00FF),
        (8, 0x0000_FFFF_0000_FFFF),
        (16, 0x0000_0000_FFFF_FFFF),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}
