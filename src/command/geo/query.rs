//! Parses the arguments of searches.

use super::cell::{LATITUDE_MAX, LONGITUDE_MAX, Point};
use super::polygon::{CORNERS_MIN, Polygon};
use super::shape::{Form, Shape};
use crate::command::{CommandError, words};
use crate::keyspace::{KeyspaceError, SortedSet};
use crate::number::parse_f64;
use crate::resp::Args;
use crate::table::View;

/// As many corners of a polygon are parsed in the time of one lookup of a key.
const PARSED_PER_LOOKUP: u64 = 4;

/// Which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// `GEOSEARCH`
    Search,
    /// `GEOSEARCHSTORE`
    SearchStore,
    /// `GEORADIUS`, or `GEORADIUS_RO` which stores nothing.
    Radius {
        /// Whether it has the option `STORE`.
        stores: bool,
    },
    /// `GEORADIUSBYMEMBER`, or `GEORADIUSBYMEMBER_RO` which stores nothing.
    RadiusByMember {
        /// Whether it has the option `STORE`.
        stores: bool,
    },
}

impl Command {
    /// Whether options give the area.
    fn is_search(self) -> bool {
        matches!(self, Command::Search | Command::SearchStore)
    }

    /// Whether it has the options `STORE key` and `STOREDIST key`.
    fn takes_store(self) -> bool {
        matches!(self, Command::Radius { stores: true } | Command::RadiusByMember { stores: true })
    }
}

/// The order of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// The nearest first.
    Ascending,
    /// The farthest first.
    Descending,
}

/// A search.
#[derive(Clone, Debug)]
pub(super) struct Query<'w> {
    /// The area.
    pub(super) shape: Shape,
    /// Metres per unit of the distances.
    pub(super) unit_m: f64,
    /// Whether distances are wanted.
    pub(super) with_distance: bool,
    /// Whether scores are wanted.
    pub(super) with_hash: bool,
    /// Whether positions are wanted.
    pub(super) with_point: bool,
    /// The order of the results.
    pub(super) direction: Option<Direction>,
    /// The most results that are wanted; `None`: all.
    pub(super) count: Option<usize>,
    /// Whether any results will do, rather than the nearest.
    pub(super) any: bool,
    /// The key that gets the results.
    pub(super) store: Option<&'w [u8]>,
    /// Whether the stored scores are distances.
    pub(super) store_distances: bool,
}

/// The state of the parser.
struct Parser<'a, 'w> {
    /// The version that is read.
    view: &'a View<'a>,
    /// The sorted set that is searched.
    set: Option<SortedSet<'a>>,
    /// The words.
    args: &'a Args<'w>,
    /// The centre, once it is known.
    center: Option<Point>,
    /// The form, once it is known, and the metres per unit.
    form: Option<(Form, f64)>,
}

/// Parses a search of `set`.
pub(super) fn parse<'w>(
    command: Command,
    view: &View<'_>,
    set: Option<SortedSet<'_>>,
    args: &Args<'w>,
) -> Result<Query<'w>, CommandError> {
    let mut parser = Parser { view, set, args, center: None, form: None };
    let first = match command {
        Command::Search => 2,
        Command::SearchStore => 3,
        Command::Radius { .. } => {
            parser.center = Some(point(&args[2], &args[3])?);
            parser.form = Some(radius(&args[4], &args[5])?);
            6
        }
        Command::RadiusByMember { .. } => {
            parser.center = Some(parser.member(&args[2])?);
            // If the key does not exist, Redis does not check the radius.
            let nothing = (Form::Circle(0.0), 1.0);
            parser.form = Some(if parser.set.is_some() { radius(&args[3], &args[4])? } else { nothing });
            5
        }
    };
    let mut query = Query {
        shape: Shape { center: Point::default(), form: Form::Circle(0.0) },
        unit_m: 1.0,
        with_distance: false,
        with_hash: false,
        with_point: false,
        direction: None,
        count: None,
        any: false,
        store: if command == Command::SearchStore { args.get(1) } else { None },
        store_distances: false,
    };
    let mut index = first;
    while index < args.len() {
        index += parser.option(command, index, &mut query)?;
    }
    parser.finish(command, &mut query)?;
    Ok(query)
}

impl<'w> Parser<'_, 'w> {
    /// Parses the option at `index`; returns the number of its words.
    fn option(
        &mut self,
        command: Command,
        index: usize,
        query: &mut Query<'w>,
    ) -> Result<usize, CommandError> {
        let args = self.args;
        let word = &args[index];
        let left = args.len() - index - 1;
        let is = |name: &str, values: usize| words::is(word, name) && left >= values;
        let search = command.is_search();
        let flag = match word {
            _ if is("withdist", 0) => &mut query.with_distance,
            _ if is("withhash", 0) => &mut query.with_hash,
            _ if is("withcoord", 0) => &mut query.with_point,
            _ if is("any", 0) => &mut query.any,
            _ if command == Command::SearchStore && is("storedist", 0) => &mut query.store_distances,
            _ if is("asc", 0) || is("desc", 0) => {
                let descending = words::is(word, "desc");
                query.direction = Some(if descending { Direction::Descending } else { Direction::Ascending });
                return Ok(1);
            }
            _ if is("count", 1) => {
                let count = words::integer(&args[index + 1])?;
                if count <= 0 {
                    return Err("ERR COUNT must be > 0".into());
                }
                query.count = Some(usize::try_from(count).unwrap_or(usize::MAX));
                return Ok(2);
            }
            _ if command.takes_store() && (is("store", 1) || is("storedist", 1)) => {
                query.store = args.get(index + 1);
                query.store_distances = words::is(word, "storedist");
                return Ok(2);
            }
            _ if search && self.center.is_none() && is("frommember", 1) => {
                self.center = Some(self.member(&args[index + 1])?);
                return Ok(2);
            }
            _ if search && self.center.is_none() && is("fromlonlat", 2) => {
                self.center = Some(point(&args[index + 1], &args[index + 2])?);
                return Ok(3);
            }
            _ if search && self.form.is_none() && is("byradius", 2) => {
                self.form = Some(radius(&args[index + 1], &args[index + 2])?);
                return Ok(3);
            }
            _ if search && self.form.is_none() && is("bybox", 3) => {
                self.form = Some(rectangle(&args[index + 1], &args[index + 2], &args[index + 3])?);
                return Ok(4);
            }
            _ if search && self.form.is_none() && self.center.is_none() && is("bypolygon", 2) => {
                let (polygon, words) = polygon(self.view, args, index + 1)?;
                self.center = Some(polygon.middle());
                self.form = Some((Form::Polygon(polygon), 1.0));
                return Ok(1 + words);
            }
            _ => return Err(CommandError::SYNTAX),
        };
        *flag = true;
        Ok(1)
    }

    /// Builds the shape, and refuses options that contradict each other.
    fn finish(self, command: Command, query: &mut Query<'_>) -> Result<(), CommandError> {
        if query.store.is_some() && (query.with_distance || query.with_hash || query.with_point) {
            let name = if command.is_search() { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            let what = "is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
            return Err(format!("ERR {name} {what}").into());
        }
        let missing = |what: &str| {
            let name = words::excerpt(&self.args[0]);
            CommandError::from(format!("ERR exactly one of {what} can be specified for {name}"))
        };
        let center = self.center.ok_or_else(|| missing("FROMMEMBER or FROMLONLAT"))?;
        let (form, unit_m) = self.form.ok_or_else(|| missing("BYRADIUS and BYBOX"))?;
        if query.any && query.count.is_none() {
            return Err("ERR the ANY argument requires COUNT argument".into());
        }
        if query.count.is_some() && !query.any && query.direction.is_none() {
            query.direction = Some(Direction::Ascending);
        }
        (query.shape, query.unit_m) = (Shape { center, form }, unit_m);
        Ok(())
    }

    /// The position of a member. If the key does not exist, any position will do: nothing will be found.
    fn member(&self, member: &[u8]) -> Result<Point, CommandError> {
        let Some(set) = self.set else { return Ok(Point::default()) };
        let score = set.score(self.view, member)?;
        score.map(Point::of_score).ok_or("ERR could not decode requested zset member".into())
    }
}

/// Parses a position.
pub(super) fn point(longitude: &[u8], latitude: &[u8]) -> Result<Point, CommandError> {
    let number = |word: &[u8]| parse_f64(word).ok_or(CommandError::from("ERR value is not a valid float"));
    let (longitude, latitude) = (number(longitude)?, number(latitude)?);
    if longitude.abs() > LONGITUDE_MAX || latitude.abs() > LATITUDE_MAX {
        return Err(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}").into());
    }
    Ok(Point { longitude, latitude })
}

/// Parses a unit; returns its metres.
pub(super) fn unit_m(word: &[u8]) -> Result<f64, CommandError> {
    let units = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];
    let found = units.into_iter().find(|(name, _)| words::is(word, name)).map(|(_, metres)| metres);
    found.ok_or("ERR unsupported unit provided. please use M, KM, FT, MI".into())
}

/// Parses a circle; returns it with the metres per unit.
fn radius(radius: &[u8], unit: &[u8]) -> Result<(Form, f64), CommandError> {
    let radius = parse_f64(radius).ok_or(CommandError::from("ERR need numeric radius"))?;
    if radius < 0.0 {
        return Err("ERR radius cannot be negative".into());
    }
    let unit_m = unit_m(unit)?;
    Ok((Form::Circle(radius * unit_m), unit_m))
}

/// Parses the corners of a polygon, behind their number at `index`; returns it with the number of its words.
fn polygon(view: &View<'_>, args: &Args<'_>, index: usize) -> Result<(Polygon, usize), CommandError> {
    let count = args.integer(index).and_then(|count| i32::try_from(count).ok());
    let count = count.ok_or(CommandError::from("ERR invalid number of vertices"))?;
    let count = usize::try_from(count).unwrap_or(0);
    if count < CORNERS_MIN || (args.len() - index - 1) / 2 < count {
        return Err("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices".into());
    }
    view.spend(count as u64 / PARSED_PER_LOOKUP).map_err(KeyspaceError::from)?;
    let corner = |number: usize| point(&args[index + 1 + 2 * number], &args[index + 2 + 2 * number]);
    let corners = (0..count).map(corner).collect::<Result<_, _>>()?;
    Ok((Polygon::new(corners), 1 + 2 * count))
}

/// Parses a box; returns it with the metres per unit.
fn rectangle(width: &[u8], height: &[u8], unit: &[u8]) -> Result<(Form, f64), CommandError> {
    let width = parse_f64(width).ok_or(CommandError::from("ERR need numeric width"))?;
    let height = parse_f64(height).ok_or(CommandError::from("ERR need numeric height"))?;
    if width < 0.0 || height < 0.0 {
        return Err("ERR height or width cannot be negative".into());
    }
    let unit_m = unit_m(unit)?;
    Ok((Form::Box(width * unit_m, height * unit_m), unit_m))
}
