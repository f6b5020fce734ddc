//! The area that a search covers, and the cells that it reads.

use super::cell::{Cell, EARTH_RADIUS_M, Point, STEPS_MAX};

/// About half the length of the equator on the Mercator projection, in metres.
const MERCATOR_MAX_M: f64 = 20_037_726.37;
/// A cell and its neighbours, as steps to the east and to the north.
const NEIGHBOURHOOD: [(i32, i32); 9] =
    [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// The form of a search, in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// All points within this distance.
    Circle(f64),
    /// All points within half the width to the east and the west, and half the height to the north and the south.
    Box(f64, f64),
}

/// The form of a search around its centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    /// The centre.
    pub(super) center: Point,
    /// The form.
    pub(super) form: Form,
}

impl Shape {
    /// Distance from the centre to a point in metres, if the shape covers the point.
    pub(super) fn distance_m(&self, point: Point) -> Option<f64> {
        match self.form {
            Form::Circle(radius) => {
                Some(self.center.distance_m(point)).filter(|distance| *distance <= radius)
            }
            Form::Box(width, height) => {
                let beside = Point { longitude: self.center.longitude, latitude: point.latitude };
                let covers = point.north_distance_m(self.center) <= height / 2.0
                    && point.distance_m(beside) <= width / 2.0;
                covers.then(|| self.center.distance_m(point))
            }
        }
    }

    /// Half the width, half the height, and the distance to the farthest point; in metres.
    fn extent_m(&self) -> (f64, f64, f64) {
        match self.form {
            Form::Circle(radius) => (radius, radius, radius),
            Form::Box(width, height) => (width / 2.0, height / 2.0, (width / 2.0).hypot(height / 2.0)),
        }
    }

    /// The south-western and the north-eastern corner of what the shape covers.
    fn bounds(&self) -> (Point, Point) {
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
        let mut center = Cell::of(self.center, self.steps());
        while center.steps > 1 && !reaches(center, low, high) {
            center = Cell::of(self.center, center.steps - 1);
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
