//! What geospatial commands reply; compares searches with a test of every member.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::cell::{Cell, LATITUDE_MAX, Point};
use super::shape::{Form, Shape};
use crate::command::tests::Data;
use crate::effect::Score;
use crate::resp::Protocol;

const SICILY: &str = "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania";

#[test]
fn positions_are_stored_and_returned() {
    let mut data = Data::new();
    data.expect(&[
        (SICILY, ":2"),
        ("ZSCORE g Palermo", "$16|3479099956230698"),
        ("GEODIST g Palermo Catania", "$11|166274.1516"),
        ("GEODIST g Palermo Catania KM", "$8|166.2742"),
        ("GEODIST g Palermo nobody", "$-1"),
        ("GEODIST g Palermo Catania mm", "-ERR unsupported unit provided. please use M, KM, FT, MI"),
        ("GEOHASH g Palermo nobody", "*2|$11|sqc8b49rny0|$-1"),
        ("GEOPOS g Palermo nobody", "*2|*2|$20|13.36138933897018433|$20|38.11555639549629859|*-1"),
        ("GEOPOS none a", "*1|*-1"),
        ("GEOADD g XX CH 13 38 Palermo 1 1 nobody", ":1"),
        ("GEOADD g NX 1 1 Palermo 1 1 new", ":1"),
        ("GEOADD g NX XX 1 1 a", "-ERR syntax error"),
        ("GEOADD g 200 1 a", "-ERR invalid longitude,latitude pair 200.000000,1.000000"),
        ("GEOADD g x 1 a", "-ERR value is not a valid float"),
        ("SET t text", "+OK"),
        ("GEOADD t 1 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        (
            "GEOSEARCH t FROMLONLAT 1 1 BYRADIUS 1 m",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
    ]);
    data.protocol = Protocol::Resp3;
    assert_eq!(data.run("GEOPOS g new"), "*1|*2|,0.99999994039535522|,0.99999945914297683");
}

#[test]
fn positions_are_searched() {
    let mut data = Data::new();
    data.run(SICILY);
    data.expect(&[
        ("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC", "*2|$7|Catania|$7|Palermo"),
        ("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1", "*1|$7|Catania"),
        ("GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km DESC", "*2|$7|Palermo|$7|Catania"),
        ("GEOSEARCH g FROMMEMBER Catania BYBOX 400 100 km", "*1|$7|Catania"),
        (
            "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 60 km WITHCOORD WITHDIST WITHHASH",
            "*1|*4|$7|Catania|$7|56.4413|:3479447370796909|*2|$20|15.08726745843887329|$20|37.50266842333162032",
        ),
        ("GEORADIUS g 15 37 60 km", "*1|$7|Catania"),
        ("GEORADIUSBYMEMBER_RO g Palermo 1 m", "*1|$7|Palermo"),
        ("GEORADIUS g 15 37 200 km STOREDIST d", ":2"),
        ("ZRANGE d 0 0 WITHSCORES", "*2|$7|Catania|$16|56.4412578701582"),
        ("GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 60 km", ":1"),
        ("ZRANGE d 0 -1 WITHSCORES", "*2|$7|Catania|$16|3479447370796909"),
        ("GEOSEARCHSTORE d none FROMMEMBER a BYRADIUS 60 km", ":0"),
        ("EXISTS d", ":0"),
        ("GEOSEARCH g FROMMEMBER a BYRADIUS 60 km", "-ERR could not decode requested zset member"),
        ("GEOSEARCH g FROMMEMBER Palermo ASC ASC ASC", "-ERR exactly one of BYRADIUS and BYBOX can be specified for \
          GEOSEARCH"),
        ("GEOSEARCH g BYRADIUS 1 m ASC ASC", "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for \
          GEOSEARCH"),
        ("GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 m ANY", "-ERR the ANY argument requires COUNT argument"),
        ("GEORADIUS g 15 37 200 km STORE d WITHDIST", "-ERR STORE option in GEORADIUS is not compatible with \
          WITHDIST, WITHHASH and WITHCOORD options"),
        ("GEORADIUS_RO g 15 37 200 km STORE d", "-ERR syntax error"),
    ]);
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn a_point_is_in_the_cell_that_its_score_names() {
    let mut random = SmallRng::seed_from_u64(1);
    for _ in 0..2000 {
        let point = random_point(&mut random);
        let score = Score::new(point.score() as f64).unwrap();
        assert!(Point::of_score(score).distance_m(point) < 0.6);
        for steps in 1..26 {
            let (first, behind) = Cell::of(point, steps).scores();
            assert!((first..behind).contains(&point.score()), "{steps} steps");
        }
    }
}

/// A position anywhere.
fn random_point(random: &mut SmallRng) -> Point {
    Point {
        longitude: random.random_range(-180.0..180.0),
        latitude: random.random_range(-LATITUDE_MAX..LATITUDE_MAX),
    }
}

#[test]
fn the_cells_of_a_search_hold_all_that_it_covers() {
    let mut covered = 0;
    for seed in 0..600 {
        let mut random = SmallRng::seed_from_u64(seed);
        // Away from the poles and the date line, where the grid ends.
        let center = Point {
            longitude: random.random_range(-120.0..120.0),
            latitude: random.random_range(-60.0..60.0),
        };
        let size = 10_f64.powf(random.random_range(1.0..6.0));
        let form = match random.random_range(0..2) {
            0 => Form::Circle(size),
            _ => Form::Box(size * random.random_range(0.1..1.0), size * random.random_range(0.1..1.0)),
        };
        let shape = Shape { center, form };
        let ranges: Vec<(u64, u64)> = shape.cells().into_iter().map(Cell::scores).collect();
        for _ in 0..200 {
            let spread = size / 80_000.0;
            let point = Point {
                longitude: (center.longitude + random.random_range(-spread..spread)).clamp(-180.0, 180.0),
                latitude: (center.latitude + random.random_range(-spread..spread)).clamp(-85.0, 85.0),
            };
            let point = Point::of_score(Score::new(point.score() as f64).unwrap());
            if shape.distance_m(point).is_some() {
                covered += 1;
                let score = point.score();
                assert!(
                    ranges.iter().any(|(first, behind)| (*first..*behind).contains(&score)),
                    "seed {seed}: {point:?} in {shape:?}"
                );
            }
        }
    }
    assert!(covered > 20_000, "{covered} points");
}
