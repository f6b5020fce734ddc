//! The area that a search covers, and the cells that it reads.

use super::cell::{Cell, EARTH_RADIUS_M, Point, STEPS_MAX};
use super::polygon::Polygon;
use crate::keyspace::KeyspaceError;
use crate::table::View;

/// About half the length of the equator on the Mercator projection, in metres.
const MERCATOR_MAX_M: f64 = 20_037_726.37;
/// A cell and its neighbours, as steps to the east and to the north.
const NEIGHBOURHOOD: [(i32, i32); 9] =
    [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// As many corners of a polygon are compared with a point in the time of one lookup of a key.
const CORNERS_PER_LOOKUP: u64 = 64;

/// The form of a search, in metres.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// All points within this distance.
    Circle(f64),
    /// All points within half the width to the east and the west, and half the height to the north and the south.
    Box(f64, f64),
    /// All points within a polygon.
    Polygon(Polygon),
}

/// The form of a search around its centre.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    /// The centre.
    pub(super) center: Point,
    /// The form.
    pub(super) form: Form,
}

impl Shape {
    /// Distance from the centre to a point in metres, if the shape covers the point.
    pub(super) fn distance_m(&self, point: Point) -> Option<f64> {
        match &self.form {
            Form::Circle(radius) => Some(self.center.distance_m(point)).filter(|distance| distance <= radius),
            Form::Box(width, height) => {
                let beside = Point { longitude: self.center.longitude, latitude: point.latitude };
                let covers = point.north_distance_m(self.center) <= height / 2.0
                    && point.distance_m(beside) <= width / 2.0;
                covers.then(|| self.center.distance_m(point))
            }
            Form::Polygon(polygon) => {
                let covers = polygon.may_cover(point) && polygon.covers(point);
                covers.then(|| self.center.distance_m(point))
            }
        }
    }

    /// Uses up the part of the budget of `view` that it takes to compare a point with the corners of the shape.
    pub(super) fn spend(&self, view: &View<'_>, point: Point) -> Result<(), KeyspaceError> {
        if let Form::Polygon(polygon) = &self.form
            && polygon.may_cover(point)
        {
            view.spend(polygon.len() as u64 / CORNERS_PER_LOOKUP)?;
        }
        Ok(())
    }

    /// How long it takes to find out whether the shape covers a point, in the time of one element.
    pub(super) fn work(&self) -> u64 {
        match &self.form {
            Form::Circle(_) | Form::Box(..) => 1,
            Form::Polygon(polygon) => 1 + polygon.len() as u64 / CORNERS_PER_LOOKUP,
        }
    }

    /// Half the width, half the height, and the distance to the farthest point; in metres.
    fn extent_m(&self) -> (f64, f64, f64) {
        match &self.form {
            Form::Circle(radius) => (*radius, *radius, *radius),
            Form::Box(width, height) => (width / 2.0, height / 2.0, (width / 2.0).hypot(height / 2.0)),
            Form::Polygon(polygon) => {
                let (low, high) = polygon.bounds();
                let beside =
                    |longitude| self.center.distance_m(Point { longitude, latitude: self.center.latitude });
                let width = beside(low.longitude).max(beside(high.longitude));
                let height = self.center.north_distance_m(low).max(self.center.north_distance_m(high));
                (width, height, width.hypot(height))
            }
        }
    }

    /// The south-western and the north-eastern corner of what the shape covers.
    fn bounds(&self) -> (Point, Point) {
        if let Form::Polygon(polygon) = &self.form {
            return polygon.bounds();
        }
        let (width, height, _) = self.extent_m();
        let Point { longitude, latitude } = self.center;
        let north = (height / EARTH_RADIUS_M).to_degrees();
        // On the side towards the pole meridians are closest, so there the shape spans the most degrees.
        let polar = if latitude < 0.0 { latitude - north } else { latitude + north };
        let east = match (width / EARTH_RADIUS_M / 2.0).sin() / polar.to_radians().cos() {
            sine if polar.abs() < 90.0 && sine < 1.0 => 2.0 * sine.asin().to_degrees(),
            // The shape reaches around the pole.
            _ => 360.0,
        };
        (
            Point { longitude: longitude - east, latitude: latitude - north },
            Point { longitude: longitude + east, latitude: latitude + north },
        )
    }

    /// The cells that together contain everything that the shape covers, each once, that of the centre first.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let (low, high) = self.bounds();
        let start = self.start();
        let mut center = Cell::of(start, self.steps());
        while center.steps > 1 && !reaches(center, low, high) {
            center = Cell::of(start, center.steps - 1);
        }
        let (cell_low, cell_high) = center.corners();
        let useful = |(east, north): (i32, i32)| {
            center.steps < 2
                || !(north < 0 && cell_low.latitude < low.latitude
                    || north > 0 && cell_high.latitude > high.latitude
                    || east < 0 && cell_low.longitude < low.longitude
                    || east > 0 && cell_high.longitude > high.longitude)
        };
        let mut cells: Vec<Cell> = Vec::new();
        for place in NEIGHBOURHOOD {
            let cell = center.neighbour(place.0, place.1);
            if useful(place) && !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        cells
    }

    /// The point around which the cells are: the centre, or a point next to which a polygon is, if its centre is beside it.
    fn start(&self) -> Point {
        match &self.form {
            Form::Polygon(polygon) if !polygon.may_cover(self.center) => {
                let (low, high) = polygon.bounds();
                Point {
                    longitude: (low.longitude + high.longitude) / 2.0,
                    latitude: (low.latitude + high.latitude) / 2.0,
                }
            }
            _ => self.center,
        }
    }

    /// The finest grid in which a cell and its neighbours probably contain the shape.
    fn steps(&self) -> u32 {
        let (_, _, mut range) = self.extent_m();
        if range == 0.0 {
            return STEPS_MAX;
        }
        let mut steps = -1;
        while range < MERCATOR_MAX_M {
            range *= 2.0;
            steps += 1;
        }
        let latitude = self.center.latitude.abs();
        steps -= i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        steps.clamp(1, STEPS_MAX as i32) as u32
    }
}

/// Whether a cell and its neighbours reach as far as these corners.
fn reaches(cell: Cell, low: Point, high: Point) -> bool {
    let (south_west, north_east) = (|cell: Cell| cell.corners().0, |cell: Cell| cell.corners().1);
    north_east(cell.neighbour(0, 1)).latitude >= high.latitude
        && south_west(cell.neighbour(0, -1)).latitude <= low.latitude
        && north_east(cell.neighbour(1, 0)).longitude >= high.longitude
        && south_west(cell.neighbour(-1, 0)).longitude <= low.longitude
}
