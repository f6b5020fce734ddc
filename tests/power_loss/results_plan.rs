//! Histories of long results, which are worked out beside the writer and stored in parts.
//!
//! Their first life makes large collections and strings, and ends in order. The later ones copy, combine and thin them out,
//! while other commands change them.

use super::image::Atom;
use super::plan::{End, LifePlan, Plan, Step};
use super::stack::Setup;
use crate::common::keys::Command;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// The first seed of such a history.
pub const FIRST_SEED: u64 = 1 << 40;
/// Lives behind the first one.
const LIVES: u64 = 2;
/// Databases that results go to.
const DATABASES: usize = 2;

/// What is long in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    /// Strings that are combined when they are stored, in two or three parts.
    Strings,
    /// Small collections in trees: many images.
    Trees,
    /// Collections of so many elements that they are thinned out in parts.
    Many,
    /// Sorted sets of long members, of which one part does not hold all.
    Wide,
}

/// Elements of a collection of which the writer would not remove most in one step.
const MANY: usize = 22_000;
/// Elements that are removed.
const MANY_REMOVED: usize = 20_050;
/// Members of a set that stays larger than what is removed.
const MOST: usize = 40_500;
/// Members of a sorted set whose trees take more than one part.
const WIDE: usize = 4400;
/// Among so many of them, one is so long that it does not fit into a page with others.
const LONG_EVERY: usize = 50;

impl Theme {
    fn of(seed: u64) -> Self {
        [Theme::Strings, Theme::Trees, Theme::Many, Theme::Wide][(seed % 4) as usize]
    }

    /// Pages of the table.
    fn pages_max(self) -> u64 {
        match self {
            Theme::Strings => 5000,
            Theme::Trees => 1200,
            Theme::Many => 7000,
            Theme::Wide => 12_000,
        }
    }

    /// Results of a life.
    fn results(self) -> u64 {
        match self {
            Theme::Strings => 6,
            Theme::Trees => 10,
            Theme::Many => 4,
            Theme::Wide => 2,
        }
    }
}

/// The plan of a seed.
pub fn plan(seed: u64) -> Plan {
    let mut random = SmallRng::seed_from_u64(seed);
    let theme = Theme::of(seed);
    let atom = if random.random_range(0..3) == 0 { Atom::Block } else { Atom::Sector };
    let mut plan = Plan { lives: Vec::new(), pages_max: theme.pages_max(), atom, numbers: 0 };
    let steps = first_steps(&mut random, theme);
    let end = End { at: 1_000_000, kill: true, seed: 0 };
    add_life(&mut plan, &mut random, steps, end);
    for _ in 0..LIVES {
        let steps = later_steps(&mut random, theme);
        let end = End {
            at: random.random_range(300_000..=1_000_000),
            kill: random.random_range(0..3) == 0,
            seed: random.random(),
        };
        add_life(&mut plan, &mut random, steps, end);
    }
    plan
}

fn add_life(plan: &mut Plan, random: &mut SmallRng, steps: Vec<Step>, end: End) {
    let seed: u64 = random.random();
    let setup = Setup {
        buffered: seed >> 4 & 1 == 1,
        segment_bytes: 256 << 10,
        block_bytes: 512,
        checkpoint_turns: random.random_range(0..4),
        recovery_target_ms: 1000,
        inline: seed & 1 == 1,
        is_read: seed >> 3 & 1 == 1,
        sync_asks: (seed >> 1) as u32 % 4,
        seed,
    };
    let steps = steps.into_iter().map(|step| (plan.next_number(), step)).collect();
    plan.lives.push(LifePlan { setup, pages_max: plan.pages_max, steps, fault: None, end });
}

fn words(first: &[&str], rest: impl IntoIterator<Item = Vec<u8>>) -> Command {
    let first = first.iter().map(|word| word.as_bytes().to_vec());
    Command { db: 0, words: first.chain(rest).collect() }
}

/// A command of words without spaces.
fn line(text: &str) -> Command {
    words(&text.split(' ').collect::<Vec<_>>(), [])
}

fn in_db(db: usize, command: Command) -> Command {
    Command { db, ..command }
}

fn bytes(random: &mut SmallRng, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.random()).collect()
}

/// Fills the data set, with a checkpoint at the end.
fn first_steps(random: &mut SmallRng, theme: Theme) -> Vec<Step> {
    let commands = match theme {
        Theme::Strings => strings(random),
        Theme::Trees => trees(random),
        Theme::Many => many(),
        Theme::Wide => wide(random),
    };
    let mut steps = Vec::new();
    for (submission, command) in commands.into_iter().enumerate() {
        steps.push(Step::Send { submission: submission as u32, command });
        steps.push(Step::Work);
    }
    steps.push(Step::Stop { checkpoint: true });
    steps
}

/// Strings of different lengths with random bytes at some places, in the first part and behind it.
fn strings(random: &mut SmallRng) -> Vec<Command> {
    let mut commands = vec![line("SET short abcdefgh")];
    for (key, len) in [("s0", 1_050_000), ("s1", 1_990_000), ("s2", 985_000)] {
        for _ in 0..6 {
            let at = random.random_range(0..len - 6000);
            commands.push(words(&["SETRANGE", key, &at.to_string()], [bytes(random, 6000)]));
        }
        commands.push(words(&["SETRANGE", key, &(len - 3000).to_string()], [bytes(random, 3000)]));
    }
    commands
}

/// Collections of some hundred elements.
fn trees(random: &mut SmallRng) -> Vec<Command> {
    let mut commands = Vec::new();
    for key in ["0", "1"] {
        for _ in 0..4 {
            let members = (0..60)
                .flat_map(|_| [random.random_range(0..50).to_string().into_bytes(), any_member(random)]);
            commands.push(words(&["ZADD", &format!("z{key}")], members.collect::<Vec<_>>()));
        }
        commands.push(words(
            &["SADD", &format!("set{key}")],
            (0..60).map(|_| any_member(random)).collect::<Vec<_>>(),
        ));
        commands.push(words(
            &["RPUSH", &format!("list{key}")],
            (0..90).map(|_| any_element(random)).collect::<Vec<_>>(),
        ));
        commands.push(words(&["SET", &format!("s{key}")], [bytes(random, 5000)]));
    }
    commands
}

fn any_member(random: &mut SmallRng) -> Vec<u8> {
    let number = random.random_range(0..400_usize);
    [format!("m{number}").into_bytes(), vec![b'.'; number % 50]].concat()
}

fn any_element(random: &mut SmallRng) -> Vec<u8> {
    format!("e{}", random.random_range(0..3)).into_bytes()
}

/// Large collections of short elements.
fn many() -> Vec<Command> {
    let numbers: Vec<usize> = (0..MOST).collect();
    let mut commands = Vec::new();
    for part in numbers[..MANY].chunks(5000) {
        let scored = part.iter().flat_map(|number| {
            [(number % 700).to_string().into_bytes(), format!("m{number:05}").into_bytes()]
        });
        commands.push(words(&["ZADD", "z0"], scored));
        let members =
            part.iter().map(|number| [format!("{number:05}").into_bytes(), vec![b'.'; 40]].concat());
        commands.push(words(&["SADD", "set0"], members));
    }
    for part in numbers.chunks(5000) {
        commands
            .push(words(&["SADD", "set1"], part.iter().map(|number| format!("{number:05}").into_bytes())));
        let element = |number: &usize| {
            if number.is_multiple_of(2) { b"e0".to_vec() } else { format!("{number}").into_bytes() }
        };
        commands.push(words(&["RPUSH", "list0"], part.iter().map(element)));
    }
    commands
}

/// A sorted set of long members.
fn wide(random: &mut SmallRng) -> Vec<Command> {
    let numbers: Vec<usize> = (0..WIDE).collect();
    let part = |part: &[usize]| {
        let scored = part.iter().flat_map(|number| {
            let len = if number.is_multiple_of(LONG_EVERY) { 820 } else { 560 };
            let member = [format!("{number:05}").into_bytes(), vec![b'w'; len]].concat();
            [random.random_range(0..5000).to_string().into_bytes(), member]
        });
        words(&["ZADD", "z0"], scored.collect::<Vec<_>>())
    };
    numbers.chunks(100).map(part).collect()
}

/// Results that are worked out and stored, with other commands between their parts.
fn later_steps(random: &mut SmallRng, theme: Theme) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut submission = 0;
    let (results, mut begun) = (theme.results(), 0);
    while begun < results {
        if random.random_range(0..3) > 0 {
            begun += 1;
            steps.push(Step::WorkOut { command: result(random, theme) });
        }
        for _ in 0..random.random_range(1..4) {
            if random.random_range(0..3) == 0 {
                submission += 1;
                steps.push(Step::Send { submission, command: other(random, theme) });
            }
            steps.push(Step::Store);
        }
        match random.random_range(0..8) {
            0 => steps.push(Step::Checkpoint),
            1..3 => steps.push(Step::Tick),
            3..7 => steps.push(Step::Work),
            _ => {}
        }
    }
    if random.random() {
        steps.push(Step::Stop { checkpoint: random.random() });
    }
    steps
}

/// A command with a long result.
fn result(random: &mut SmallRng, theme: Theme) -> Command {
    match theme {
        Theme::Strings => string_result(random),
        Theme::Trees => tree_result(random),
        Theme::Many => many_result(random),
        Theme::Wide => wide_result(random),
    }
}

fn any<'w>(random: &mut SmallRng, words: &[&'w str]) -> &'w str {
    words[random.random_range(0..words.len())]
}

/// `COPY` of one of these keys, which the destination is not.
fn copy(random: &mut SmallRng, from: &str, to: &str) -> Command {
    line(&format!("COPY {from} {to} DB {} REPLACE", random.random_range(0..DATABASES)))
}

fn string_result(random: &mut SmallRng) -> Command {
    let keys = ["s0", "s1", "s2", "d0", "short", "none"];
    let to = any(random, &["d0", "d1", "s2"]);
    match random.random_range(0..8) {
        0 => line(&format!("BITOP NOT {to} {}", any(random, &keys[..3]))),
        1..6 => {
            let bits = any(random, &["AND", "OR", "XOR"]);
            let mut sources = vec![any(random, &keys[..3])];
            (0..random.random_range(1..4)).for_each(|_| sources.push(any(random, &keys)));
            line(&format!("BITOP {bits} {to} {}", sources.join(" ")))
        }
        6 => {
            let from = any(random, &keys[..2]);
            copy(random, from, to)
        }
        _ => line(&format!("GETDEL {}", any(random, &["d0", "d1"]))),
    }
}

fn tree_result(random: &mut SmallRng) -> Command {
    let zset = any(random, &["z0", "z1"]);
    let to = any(random, &["d0", "d1"]);
    let db = random.random_range(0..10) / 9;
    let command = match random.random_range(0..14) {
        0..3 => copy(random, zset, to),
        3..6 => {
            let (start, stop) = (random.random_range(0..60), random.random_range(-60..0));
            line(&format!("ZRANGESTORE {to} {zset} {start} {stop}"))
        }
        6 => line(&format!("ZRANGESTORE {zset} {zset} 1 -2")),
        7 => line(&format!("ZUNIONSTORE {to} 2 z0 z1")),
        8 => line(&format!("ZINTERSTORE {to} 2 z0 z1")),
        9 => {
            let name = any(random, &["SUNIONSTORE", "SINTERSTORE", "SDIFFSTORE"]);
            line(&format!("{name} {to} set0 set1"))
        }
        10 => line(&format!("BITOP {} {to} s0 s1", any(random, &["AND", "OR", "XOR"]))),
        11 => line(&format!("LREM {} {} e0", any(random, &["list0", "list1"]), random.random_range(-9..9))),
        12 => line(&format!("SPOP {} 1000", any(random, &["set0", "set1"]))),
        _ => line(&format!("GETDEL {}", any(random, &["s0", "s1"]))),
    };
    in_db(db, command)
}

fn many_result(random: &mut SmallRng) -> Command {
    let to = any(random, &["z1", "d0"]);
    match random.random_range(0..9) {
        0..2 => line(&format!("COPY z0 {to} DB 0 REPLACE")),
        2 => line(&format!("ZRANGESTORE {to} z0 50 -60")),
        3 => line(&format!("ZREMRANGEBYRANK {} 40 {}", any(random, &["z0", "z1"]), 40 + MANY_REMOVED)),
        4 => line(&format!("ZPOPMIN {} {MANY_REMOVED}", any(random, &["z0", "z1"]))),
        // What they pick is not drawn from the seed, but is always as long.
        5 => line(&format!("SPOP set0 {MANY_REMOVED}")),
        6 => line(&format!("SPOP set1 {MANY_REMOVED}")),
        7 => line("LREM list0 0 e0"),
        _ => line("SUNIONSTORE d0 set0 set1"),
    }
}

fn wide_result(random: &mut SmallRng) -> Command {
    let to = any(random, &["d0", "d1"]);
    match random.random_range(0..2) {
        0 => copy(random, "z0", to),
        _ => {
            let (start, stop) = (random.random_range(0..300), random.random_range(-300..0));
            line(&format!("ZRANGESTORE {to} z0 {start} {stop}"))
        }
    }
}

/// A short command, which may change what a result comes from.
fn other(random: &mut SmallRng, theme: Theme) -> Command {
    if random.random_range(0..3) > 0 {
        return line(&format!("INCR n{}", random.random_range(0..3)));
    }
    match (theme, random.random_range(0..4)) {
        (_, 0) => line(any(random, &["DEL d0", "PEXPIREAT d0 4000000000000", "RENAME d0 d1", "PERSIST d0"])),
        (Theme::Strings, 1) => words(&["SETRANGE", "s1", "983000"], [bytes(random, 100)]),
        (Theme::Strings, 2) => words(&["APPEND", "s0"], [bytes(random, 100)]),
        (Theme::Strings, _) => line("PEXPIREAT s0 4000000000000"),
        (Theme::Many, 1) => line("SREM set0 nothing"),
        (Theme::Many, _) => line("ZADD z1 7 other"),
        (_, 1) => words(&["ZADD", "z0", "7"], [any_member(random)]),
        (_, 2) => words(&["ZADD", "z1", "7"], [any_member(random)]),
        _ => words(&["ZREM", "z0"], [any_member(random)]),
    }
}
