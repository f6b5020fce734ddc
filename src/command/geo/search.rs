//! Searches: reads the members in the cells around the shape, keeps those that the shape covers, and sorts them.

use std::ops::Range;

use super::cell::{Cell, Point};
use super::query::{Command, Direction, Query, parse};
use crate::command::long::LONG_ELEMENTS;
use crate::command::sorted_sets::{self, Element, set_of};
use crate::command::{Call, CommandError, ReadCtx, WriteCtx, sources};
use crate::effect::Score;
use crate::keyspace::{Edge, KeyReader, KeyspaceError, SortedSet};
use crate::number::format_fixed;
use crate::resp::{Args, Reply};
use crate::table::View;

/// A member that was found.
struct Found {
    /// The member.
    member: Vec<u8>,
    /// Its score.
    score: Score,
    /// Its position.
    point: Point,
    /// Its distance from the centre, in the unit of the query.
    distance: f64,
}

/// Searches the sorted set that word `source` names.
fn run<'w>(
    keys: &mut KeyReader<'_>,
    db: usize,
    args: &Args<'w>,
    (command, source): (Command, usize),
) -> Result<(Query<'w>, Vec<Found>), CommandError> {
    let set = set_of(keys, db, &args[source])?;
    let query = parse(command, keys.view(), set, args)?;
    let Some(set) = set else { return Ok((query, Vec::new())) };
    let mut found = covered(keys.view(), &set, &query)?;
    match query.direction {
        None => {}
        Some(Direction::Ascending) => found.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
        Some(Direction::Descending) => found.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
    }
    found.truncate(query.count.unwrap_or(usize::MAX));
    Ok((query, found))
}

/// The members that the shape covers. With `ANY`, stops at the number that is wanted.
fn covered(view: &View<'_>, set: &SortedSet<'_>, query: &Query<'_>) -> Result<Vec<Found>, CommandError> {
    let mut found = Vec::new();
    let enough = query.count.filter(|_| query.any).unwrap_or(usize::MAX);
    for cell in query.shape.cells() {
        set.each_in(view, positions(view, set, cell)?, false, |member, score| {
            let point = Point::of_score(score);
            query.shape.spend(view, point)?;
            if let Some(distance_m) = query.shape.distance_m(point) {
                let distance = distance_m / query.unit_m;
                found.push(Found { member: member.to_vec(), score, point, distance });
            }
            Ok(found.len() < enough)
        })?;
        if found.len() >= enough {
            break;
        }
    }
    Ok(found)
}

/// The positions of the members within a cell.
fn positions(view: &View<'_>, set: &SortedSet<'_>, cell: Cell) -> Result<Range<u64>, KeyspaceError> {
    let (first, behind) = cell.scores();
    let edge = |bits: u64| Edge::Score(Score::new(bits as f64).unwrap_or(Score::ZERO));
    Ok(set.position(view, edge(first))?..set.position(view, edge(behind))?)
}

/// How long a search takes that stores its result: it goes through at most all members in the cells that it reads. `source`
/// is the word that names its key.
pub(super) fn work(
    command: Command,
    source: usize,
    call: &Call<'_>,
    keys: &mut KeyReader<'_>,
) -> Result<u64, KeyspaceError> {
    let value = keys.peek(call.db, &call.args[source])?;
    let Some(set) = value.and_then(|value| value.sorted_set()) else { return Ok(0) };
    let all = set.len()?;
    if all < LONG_ELEMENTS && call.args.len() < LONG_ELEMENTS as usize {
        return Ok(all);
    }
    let view = keys.view();
    let Ok(query) = parse(command, view, Some(set), &call.args) else { return Ok(0) };
    let members = |cell| positions(view, &set, cell).map(|members| members.end - members.start);
    let members: Result<u64, _> = query.shape.cells().into_iter().map(members).sum();
    Ok(members?.saturating_mul(query.shape.work()))
}

/// Runs a search that stores nothing, and replies.
pub(super) fn read(
    command: Command,
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (query, found) = run(&mut context.keys, context.db, args, (command, 1))?;
    reply_found(&query, &found, reply);
    Ok(())
}

/// Runs a search that may store what it finds.
pub(super) fn write(
    command: Command,
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, source) = (context.db, if command == Command::SearchStore { 2 } else { 1 });
    let (query, found) = sources::read(context, |keys| run(keys, db, args, (command, source)))?;
    let Some(key) = query.store else {
        reply_found(&query, &found, reply);
        return Ok(());
    };
    sources::check_key(key)?;
    let elements: Vec<Element> = found
        .into_iter()
        .map(|found| {
            let distance = Score::new(found.distance).unwrap_or(Score::ZERO);
            (if query.store_distances { distance } else { found.score }, found.member)
        })
        .collect();
    let event = if command == Command::SearchStore { "geosearchstore" } else { "georadiusstore" };
    sorted_sets::replace(context, key, &elements, event)?;
    reply.integer(elements.len() as i64);
    Ok(())
}

/// Replies with the members found; with options, each is an array that starts with the member.
fn reply_found(query: &Query<'_>, found: &[Found], reply: &mut Reply<'_>) {
    let options = [query.with_distance, query.with_hash, query.with_point];
    let options = options.into_iter().filter(|option| *option).count();
    reply.array(found.len());
    for found in found {
        if options > 0 {
            reply.array(1 + options);
        }
        reply.bulk(&found.member);
        if query.with_distance {
            reply_distance(found.distance, reply);
        }
        if query.with_hash {
            reply.integer(found.score.get() as i64);
        }
        if query.with_point {
            reply_point(found.point, reply);
        }
    }
}

/// Replies with a distance.
pub(super) fn reply_distance(distance: f64, reply: &mut Reply<'_>) {
    reply.bulk(format!("{distance:.4}").as_bytes());
}

/// Replies with a position.
pub(super) fn reply_point(point: Point, reply: &mut Reply<'_>) {
    reply.array(2);
    reply.double_text(&format_fixed(point.longitude));
    reply.double_text(&format_fixed(point.latitude));
}
