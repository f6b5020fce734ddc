//! The area within a polygon: its corners in order, the last one joined to the first. Sides are straight lines in degrees, so
//! none crosses the meridian opposite Greenwich.

use super::cell::Point;

/// The fewest corners of a polygon.
pub(super) const CORNERS_MIN: usize = 3;

/// A polygon.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Polygon {
    /// Its corners.
    corners: Vec<Point>,
    /// The south-western corner of the smallest box around it.
    low: Point,
    /// The north-eastern one.
    high: Point,
}

impl Polygon {
    /// The polygon with these corners.
    pub(super) fn new(corners: Vec<Point>) -> Self {
        let (mut low, mut high) = (corners[0], corners[0]);
        for corner in &corners {
            low.longitude = low.longitude.min(corner.longitude);
            low.latitude = low.latitude.min(corner.latitude);
            high.longitude = high.longitude.max(corner.longitude);
            high.latitude = high.latitude.max(corner.latitude);
        }
        Self { corners, low, high }
    }

    /// Number of its corners.
    pub(super) fn len(&self) -> usize {
        self.corners.len()
    }

    /// The corners of the smallest box around it: the south-western and the north-eastern one.
    pub(super) fn bounds(&self) -> (Point, Point) {
        (self.low, self.high)
    }

    /// The point that distances are measured from: where the mean of the corners, as points in space, is seen from the
    /// middle of the earth.
    pub(super) fn middle(&self) -> Point {
        let (mut east, mut north, mut up) = (0.0, 0.0, 0.0);
        for corner in &self.corners {
            let (longitude, latitude) = (corner.longitude.to_radians(), corner.latitude.to_radians());
            east += latitude.cos() * longitude.cos();
            north += latitude.cos() * longitude.sin();
            up += latitude.sin();
        }
        Point {
            longitude: north.atan2(east).to_degrees(),
            latitude: up.atan2(east.hypot(north)).to_degrees(),
        }
    }

    /// Whether a point is in the box around it: if not, it is outside.
    pub(super) fn may_cover(&self, point: Point) -> bool {
        (self.low.longitude..=self.high.longitude).contains(&point.longitude)
            && (self.low.latitude..=self.high.latitude).contains(&point.latitude)
    }

    /// Whether it covers a point: a line from the point to the east crosses an odd number of sides.
    pub(super) fn covers(&self, point: Point) -> bool {
        let last = self.corners.last().into_iter();
        let sides = last.chain(&self.corners).zip(&self.corners);
        let crossed = sides.filter(|(from, to)| {
            if (to.latitude > point.latitude) == (from.latitude > point.latitude) {
                return false;
            }
            let part = (point.latitude - to.latitude) / (from.latitude - to.latitude);
            point.longitude < to.longitude + (from.longitude - to.longitude) * part
        });
        crossed.count() % 2 == 1
    }
}
