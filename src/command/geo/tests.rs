//! What geospatial commands reply; compares searches with a test of every member.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::cell::{Cell, LATITUDE_MAX, Point};
use super::polygon::Polygon;
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
fn the_area_within_a_polygon_is_searched() {
    let mut data = Data::new();
    data.run(
        "GEOADD g 151.20932132005692 -33.877723137822436 elizabeth 151.2119820713997 -33.87697539508043 connaught \
         151.2229523062706 -33.883973760201364 oxford 151.22852593660355 -33.88116782387797 goodhope \
         151.2224105000496 -33.87544442350019 cross 151.22953444719315 -33.874838625143106 oval",
    );
    let corners = "11 151.21619137411474 -33.869643764947696 151.20408853981647 -33.87845382042545 \
                   151.2123775086366 -33.87864711938855 151.21046943124387 -33.87588862400425 151.21701035939626 \
                   -33.874286511854834 151.2239557405701 -33.8735722632175 151.22495056246407 -33.87893571656996 \
                   151.2274447496748 -33.882307713036354 151.23212935868654 -33.88136096120022 151.23097291274465 \
                   -33.87456240592362 151.22475424781445 -33.87099633192101";
    let found = "*3|*3|$4|oval|$8|858.3013|*2|$21|151.22953444719314575|$21|-33.87483862514310573|\
                 *3|$8|goodhope|$8|929.4979|*2|$21|151.22852593660354614|$21|-33.88116782387797343|\
                 *3|$9|elizabeth|$9|1035.7735|*2|$21|151.20932132005691528|$21|-33.87772313782243572";
    let few = "-ERR GEOSEARCH BYPOLYGON must have at least 3 vertices";
    let syntax = "-ERR syntax error";
    for (line, expected) in [
        (format!("GEOSEARCH g BYPOLYGON {corners} WITHDIST WITHCOORD ASC"), found),
        (format!("GEOSEARCH g BYPOLYGON {corners} DESC COUNT 1"), "*1|$9|elizabeth"),
        (format!("GEOSEARCHSTORE d g BYPOLYGON {corners} ASC STOREDIST COUNT 2"), ":2"),
        ("ZRANGE d 0 -1".into(), "*2|$4|oval|$8|goodhope"),
        (format!("GEOSEARCH none BYPOLYGON {corners}"), "*0"),
        (format!("GEOSEARCH g BYPOLYGON {corners} BYBOX 400 400 km"), syntax),
        (format!("GEOSEARCH g BYRADIUS 500 km BYPOLYGON {corners}"), syntax),
        (format!("GEOSEARCH g BYPOLYGON {corners} FROMMEMBER oval"), syntax),
        (format!("GEOSEARCH g FROMLONLAT 151 -33 BYPOLYGON {corners}"), syntax),
        (format!("GEOSEARCH g BYPOLYGON {corners} BYPOLYGON {corners}"), syntax),
        ("GEOSEARCH g BYPOLYGON 2 151.2 -33.8 151.3 -33.9 ASC".into(), few),
        ("GEOSEARCH g BYPOLYGON 3 151.2 -33.8 151.3 -33.9 ASC".into(), few),
        ("GEOSEARCH g BYPOLYGON -1 151.2 -33.8 151.3 -33.9 ASC".into(), few),
        ("GEOSEARCH g BYPOLYGON x 1 1 2 2 3 1".into(), "-ERR invalid number of vertices"),
        ("GEOSEARCH g BYPOLYGON 99999999999 1 1 2 2 3 1".into(), "-ERR invalid number of vertices"),
        (
            "GEOSEARCH g BYPOLYGON 3 1 1 200 2 3 1".into(),
            "-ERR invalid longitude,latitude pair 200.000000,2.000000",
        ),
        ("GEORADIUS g 1 1 1 m BYPOLYGON 3 1 1 2 2 3 1".into(), syntax),
        // Where sides overlap, what is enclosed twice is outside.
        (
            "GEOSEARCH g BYPOLYGON 5 151.2154285314146 -33.867438205607186 151.20024487595015 -33.88138572784347 \
             151.2374118848648 -33.87601765283626 151.19695829592922 -33.87272872054441 151.2278336546125 \
             -33.88345323146266 COUNT 9"
                .into(),
            "*2|$9|elizabeth|$5|cross",
        ),
        // All around the world, but not beyond the meridian where longitudes begin.
        ("GEOSEARCHSTORE d g BYPOLYGON 4 -170 -80 170 -80 170 80 -170 80 COUNT 1 ANY".into(), ":1"),
        ("GEOSEARCH g BYPOLYGON 3 170 -80 -170 -80 -170 80".into(), "*0"),
        ("GEOADD w -60 0.5 west 60 0.5 east".into(), ":2"),
        ("GEOSEARCHSTORE d w BYPOLYGON 4 -170 -80 170 -80 170 80 -170 80".into(), ":2"),
    ] {
        assert_eq!(data.run(&line), expected, "{line:.60}");
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
        let mut shape = match random.random_range(0..3) {
            0 => Shape { center, form: Form::Circle(size) },
            1 => {
                let mut side = || size * random.random_range(0.1..1.0);
                Shape { center, form: Form::Box(side(), side()) }
            }
            _ => {
                let reach = size / 80_000.0;
                let mut beside = |degrees: f64| degrees + random.random_range(-reach..reach);
                let corners = (0..3 + seed % 9).map(|_| Point {
                    longitude: beside(center.longitude),
                    latitude: beside(center.latitude),
                });
                let polygon = Polygon::new(corners.collect());
                Shape { center: polygon.middle(), form: Form::Polygon(polygon) }
            }
        };
        if let (Form::Polygon(_), 0) = (&shape.form, seed % 5) {
            // The point that distances are measured from may be anywhere.
            shape.center = Point { longitude: 179.0, latitude: -80.0 };
        }
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
