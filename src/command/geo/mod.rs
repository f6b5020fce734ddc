//! Positions on the earth: `GEOADD`, `GEOSEARCH` and related commands.
//!
//! Positions are stored in sorted sets, whose scores name [cells](cell) of a grid, as in Redis. A search reads the few
//! ranges of scores that contain everything its [shape] covers.

mod cell;
mod polygon;
mod query;
mod runs;
mod search;
mod shape;
#[cfg(test)]
mod tests;

pub(super) use runs::{RUNS, WORK};

use self::cell::Point;
use self::query::Command;
use super::sorted_sets::{self, Options, set_of};
use super::{CommandError, ReadCtx, WriteCtx, words};
use crate::resp::{Args, Reply};

/// `GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]`
fn geoadd(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let (mut options, mut first) = (Options::default(), 2);
    while let Some(word) = args.get(first) {
        match word {
            word if words::is(word, "nx") => options.new_only = true,
            word if words::is(word, "xx") => options.old_only = true,
            word if words::is(word, "ch") => options.count_changed = true,
            _ => break,
        }
        first += 1;
    }
    let rest = args.from(first);
    let is_whole = rest.len() > 0 && rest.len().is_multiple_of(3);
    if !is_whole || options.new_only && options.old_only {
        return Err(CommandError::SYNTAX);
    }
    let mut pairs = Vec::with_capacity(rest.len() / 3);
    for index in (first..args.len()).step_by(3) {
        let point = query::point(&args[index], &args[index + 1])?;
        pairs.push((point.score() as f64, &args[index + 2]));
    }
    let outcome = sorted_sets::put(context, &args[1], options, &pairs)?;
    reply.integer(outcome.count(options));
    Ok(())
}

/// The positions of the members from word 2 on; `None` for a member that does not exist.
fn points(context: &mut ReadCtx<'_>, args: &Args<'_>) -> Result<Vec<Option<Point>>, CommandError> {
    let set = set_of(&mut context.keys, context.db, &args[1])?;
    let view = context.keys.view();
    let point = |member: &[u8]| -> Result<Option<Point>, CommandError> {
        let score = set.map(|set| set.score(view, member)).transpose()?.flatten();
        Ok(score.map(Point::of_score))
    };
    args.from(2).map(point).collect()
}

/// `GEODIST key member1 member2 [M|KM|FT|MI]`
fn geodist(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    if args.len() > 5 {
        return Err(CommandError::SYNTAX);
    }
    let unit_m = args.get(4).map_or(Ok(1.0), query::unit_m)?;
    match points(context, args)?[..2] {
        [Some(from), Some(to)] => search::reply_distance(from.distance_m(to) / unit_m, reply),
        _ => reply.null(),
    }
    Ok(())
}

/// `GEOHASH key [member ...]`
fn geohash(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let points = points(context, args)?;
    reply.array(points.len());
    for point in points {
        match point {
            Some(point) => reply.bulk(&point.geohash()),
            None => reply.null(),
        }
    }
    Ok(())
}

/// `GEOPOS key [member ...]`
fn geopos(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let points = points(context, args)?;
    reply.array(points.len());
    for point in points {
        match point {
            Some(point) => search::reply_point(point, reply),
            None => reply.null_array(),
        }
    }
    Ok(())
}

/// `GEOSEARCH key <FROMMEMBER member|FROMLONLAT longitude latitude> <BYRADIUS radius unit|BYBOX width height unit>
/// [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]`
fn geosearch(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    search::read(Command::Search, context, args, reply)
}

/// `GEOSEARCHSTORE destination source ... [STOREDIST]`
fn geosearchstore(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    search::write(Command::SearchStore, context, args, reply)
}

/// `GEORADIUS key longitude latitude radius unit ... [STORE key|STOREDIST key]`
fn georadius(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    search::write(Command::Radius { stores: true }, context, args, reply)
}

/// `GEORADIUS` that stores nothing.
fn georadius_reading(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    search::read(Command::Radius { stores: true }, context, args, reply)
}

/// `GEORADIUSBYMEMBER` that stores nothing.
fn georadiusbymember_reading(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    search::read(Command::RadiusByMember { stores: true }, context, args, reply)
}

/// `GEORADIUS_RO key longitude latitude radius unit ...`
fn georadius_ro(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    search::read(Command::Radius { stores: false }, context, args, reply)
}

/// `GEORADIUSBYMEMBER key member radius unit ... [STORE key|STOREDIST key]`
fn georadiusbymember(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    search::write(Command::RadiusByMember { stores: true }, context, args, reply)
}

/// `GEORADIUSBYMEMBER_RO key member radius unit ...`
fn georadiusbymember_ro(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    search::read(Command::RadiusByMember { stores: false }, context, args, reply)
}
