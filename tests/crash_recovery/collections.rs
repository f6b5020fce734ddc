//! Collections through SIGKILL: transfers whose sum never changes, a queue whose jobs are each in one place, sorted sets
//! and hashes whose commands are there completely or not at all.
//!
//! The data is kept for several cycles, so that each recovery builds on earlier ones.

use super::*;
use std::collections::BTreeMap;

/// Accounts that transfers go between.
const ACCOUNTS: u64 = 6;
/// Clients of each kind.
const CLIENTS: u64 = 2;
/// Scores that a sorted set keeps.
const KEPT_SCORES: u64 = 50;
/// Fields of a hash that are written in turn, in pairs.
const FIELDS: u64 = 20;
/// Cycles after which the data is deleted.
const CYCLES_KEPT: u64 = 10;

/// The bytes of some commands, and how many they are.
fn commands(lines: &[String]) -> (Vec<u8>, usize) {
    let bytes = lines.iter().flat_map(|line| {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        encode(&words)
    });
    (bytes.collect(), lines.len())
}

/// Sends the commands of one sequence number after the other, `pipeline` at once, until the connection breaks.
fn pump(
    mut client: Client,
    mut progress: Progress,
    pipeline: u64,
    lines: impl Fn(u64) -> Vec<String>,
) -> Progress {
    loop {
        let (first, last) = (progress.sent + 1, progress.sent + pipeline);
        let (bytes, counts): (Vec<_>, Vec<_>) =
            (first..=last).map(|sequence| commands(&lines(sequence))).unzip();
        progress.sent = last;
        if client.send(&bytes.concat()).is_err() {
            return progress;
        }
        for (sequence, count) in (first..).zip(counts) {
            for _ in 0..count {
                match client.reply() {
                    Ok(Value::Error(text)) => panic!("a write was refused: {text}"),
                    Ok(Value::Array(replies)) => {
                        assert!(!replies.iter().any(|reply| matches!(reply, Value::Error(_))), "{replies:?}");
                    }
                    Ok(_) => {}
                    Err(_) => return progress,
                }
            }
            progress.acked = sequence;
        }
    }
}

/// A transfer between two accounts, each of which is a string and a field of a hash, counted in a sorted set.
fn transfer(client: u64, sequence: u64) -> Vec<String> {
    let (from, amount) = ((sequence * 7 + client) % ACCOUNTS, sequence % 97 + 1);
    let to = (from + 1 + sequence % (ACCOUNTS - 1)) % ACCOUNTS;
    vec![
        "MULTI".into(),
        format!("DECRBY account:{from} {amount}"),
        format!("INCRBY account:{to} {amount}"),
        format!("HINCRBY balances {from} -{amount}"),
        format!("HINCRBY balances {to} {amount}"),
        format!("ZINCRBY transfers 1 {client}"),
        "EXEC".into(),
    ]
}

/// Adds two members with the same score and, once there are enough, removes the two lowest.
fn scores(client: u64, sequence: u64) -> Vec<String> {
    let mut lines = vec![format!("ZADD board:{client} {sequence} m:{sequence} {sequence} n:{sequence}")];
    if sequence > KEPT_SCORES {
        lines.push(format!("ZPOPMIN board:{client} 2"));
    }
    lines
}

/// Sets two fields to the same value, and deletes two older ones.
fn fields(client: u64, sequence: u64) -> Vec<String> {
    let (new, old) = (sequence % FIELDS, (sequence + FIELDS / 2) % FIELDS);
    vec![
        format!("HSET hash:{client} f{new} {sequence} g{new} {sequence}"),
        format!("HDEL hash:{client} f{old} g{old}"),
    ]
}

/// Takes jobs out of the queue; first those that were begun in an earlier life.
fn consume(mut client: Client, consumer: u64) {
    let finish = |client: &mut Client, job: &str| -> std::io::Result<()> {
        let (bytes, count) = commands(&[
            "MULTI".into(),
            format!("LREM processing:{consumer} 1 {job}"),
            format!("SADD done {job}"),
            "EXEC".into(),
        ]);
        client.send(&bytes)?;
        let replies: Vec<Value> = (0..count).map(|_| client.reply()).collect::<Result<_, _>>()?;
        assert_eq!(replies[3], Value::Array(vec![Value::Integer(1), Value::Integer(1)]), "{job}");
        Ok(())
    };
    let Ok(Value::Array(begun)) =
        client.try_command(&[b"LRANGE", format!("processing:{consumer}").as_bytes(), b"0", b"-1"])
    else {
        return;
    };
    for job in begun {
        if finish(&mut client, &job.text()).is_err() {
            return;
        }
    }
    let take = commands(&[format!("BLMOVE queue processing:{consumer} LEFT RIGHT 0.05")]).0;
    loop {
        let taken = client.send(&take).and_then(|()| client.reply());
        match taken {
            Ok(Value::Null) => {}
            Ok(job) => {
                if finish(&mut client, &job.text()).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// Reads all accounts again and again: no reader may see a transfer in part.
fn watch_accounts(mut client: Client) -> u64 {
    let line = accounts();
    let words: Vec<&[u8]> = line.iter().map(String::as_bytes).collect();
    let mut looks = 0;
    while let Ok(values) = client.try_command(&words) {
        assert_eq!(sum(&values), 0, "a transfer was seen by half");
        looks += 1;
    }
    looks
}

/// The command that reads all accounts.
fn accounts() -> Vec<String> {
    let keys = (0..ACCOUNTS).map(|account| format!("account:{account}"));
    std::iter::once("MGET".to_owned()).chain(keys).collect()
}

/// The sum of an array of numbers; nothing counts as zero.
fn sum(values: &Value) -> i64 {
    let Value::Array(values) = values else { panic!("{values:?}") };
    let number = |value: &Value| match value {
        Value::Null => 0,
        value => value.text().parse::<i64>().expect("a balance is a number"),
    };
    values.iter().map(number).sum()
}

/// The elements of an array; nothing is empty.
fn texts(value: &Value) -> Vec<String> {
    let Value::Array(values) = value else { panic!("{value:?}") };
    let text = |value: &Value| if *value == Value::Null { String::new() } else { value.text() };
    values.iter().map(text).collect()
}

/// How far each client of one kind got.
type Kind = [Progress; CLIENTS as usize];

/// What is known of all clients.
#[derive(Clone, Copy, Default)]
struct Known {
    transfers: Kind,
    pushes: Kind,
    scores: Kind,
    fields: Kind,
}

/// One life of the server; returns how often the accounts were looked at.
fn live(server: &mut TestServer, known: &mut Known, millis: u64) -> u64 {
    let clients = |kind: Kind, pipeline: u64, lines: fn(u64, u64) -> Vec<String>| {
        let kind = (0..).zip(kind).map(|(number, progress)| {
            let client = server.client();
            std::thread::spawn(move || pump(client, progress, pipeline, |sequence| lines(number, sequence)))
        });
        kind.collect::<Vec<_>>()
    };
    let push = |client, sequence| vec![format!("RPUSH queue {client}:{sequence}:a {client}:{sequence}:b")];
    let pumps = [
        clients(known.transfers, 3, transfer),
        clients(known.pushes, 2, push),
        clients(known.scores, 8, scores),
        clients(known.fields, 8, fields),
    ];
    let consumers: Vec<_> = (0..CLIENTS)
        .map(|consumer| {
            let client = server.client();
            std::thread::spawn(move || consume(client, consumer))
        })
        .collect();
    let client = server.client();
    let watcher = std::thread::spawn(move || watch_accounts(client));
    std::thread::sleep(Duration::from_millis(millis));
    server.kill();
    let kinds = [&mut known.transfers, &mut known.pushes, &mut known.scores, &mut known.fields];
    for (kind, threads) in kinds.into_iter().zip(pumps) {
        for (progress, thread) in kind.iter_mut().zip(threads) {
            *progress = thread.join().unwrap();
        }
    }
    consumers.into_iter().for_each(|thread| thread.join().unwrap());
    watcher.join().unwrap()
}

/// Records that a client's commands up to `last` were applied: these must include all acknowledged ones, and none that was
/// not sent. Returns how many of them were not acknowledged.
fn settle(progress: &mut Progress, last: u64, what: &str) -> u64 {
    assert!(last >= progress.acked, "{what}: {} was acknowledged, {last} is there", progress.acked);
    assert!(last <= progress.sent, "{what}: {last} is there, only {} were sent", progress.sent);
    let in_flight = last - progress.acked;
    *progress = Progress { acked: last, sent: last };
    in_flight
}

/// Checks everything; returns how many commands were in flight and were applied.
fn check(client: &mut Client, known: &mut Known) -> u64 {
    check_transfers(client, known)
        + check_queue(client, known)
        + check_scores(client, known)
        + check_fields(client, known)
}

fn check_transfers(client: &mut Client, known: &mut Known) -> u64 {
    let balances = client.run(&accounts().join(" "));
    assert_eq!(sum(&balances), 0, "half a transfer: {balances:?}");
    let Value::Array(balances) = balances else { panic!("MGET answers an array") };
    for (account, balance) in balances.iter().enumerate() {
        assert_eq!(*balance, client.run(&format!("HGET balances {account}")), "half a transfer");
    }
    let mut in_flight = 0;
    for (number, progress) in known.transfers.iter_mut().enumerate() {
        let count = match client.run(&format!("ZSCORE transfers {number}")) {
            Value::Null => 0,
            count => count.text().parse().expect("a score is a number"),
        };
        in_flight += settle(progress, count, "transfers");
    }
    in_flight
}

fn check_queue(client: &mut Client, known: &mut Known) -> u64 {
    let mut jobs = texts(&client.run("LRANGE queue 0 -1"));
    for consumer in 0..CLIENTS {
        jobs.extend(texts(&client.run(&format!("LRANGE processing:{consumer} 0 -1"))));
    }
    jobs.extend(texts(&client.run("SMEMBERS done")));
    let mut found: BTreeMap<(usize, u64), Vec<String>> = BTreeMap::new();
    for job in &jobs {
        let parts: Vec<&str> = job.split(':').collect();
        let place = (parts[0].parse().unwrap(), parts[1].parse().unwrap());
        found.entry(place).or_default().push(parts[2].to_owned());
    }
    let mut lasts = [0; CLIENTS as usize];
    for ((producer, sequence), mut halves) in found {
        halves.sort();
        assert_eq!(halves, ["a", "b"], "jobs of push {sequence} of producer {producer}: lost or doubled");
        assert_eq!(sequence, lasts[producer] + 1, "producer {producer}: a push is missing");
        lasts[producer] = sequence;
    }
    let settled = known.pushes.iter_mut().zip(lasts);
    settled.map(|(progress, last)| settle(progress, last, "pushes")).sum()
}

fn check_scores(client: &mut Client, known: &mut Known) -> u64 {
    let mut in_flight = 0;
    for (number, progress) in known.scores.iter_mut().enumerate() {
        let board = texts(&client.run(&format!("ZRANGE board:{number} 0 -1 WITHSCORES")));
        let last: u64 = board.last().map_or(0, |score| score.parse().unwrap());
        // The two lowest scores are removed one command after the highest one is added.
        let full = last.saturating_sub(KEPT_SCORES) + 1;
        let first: u64 = board.get(1).map_or(1, |score| score.parse().unwrap());
        assert!(first == full || first + 1 == full, "board {number}: from {first} to {last}");
        let expected: Vec<String> = (first..=last)
            .flat_map(|score| ["m", "n"].map(|name| [format!("{name}:{score}"), score.to_string()]))
            .flatten()
            .collect();
        assert_eq!(board, expected, "board {number}: not whole");
        if first != full {
            client.run(&format!("ZPOPMIN board:{number} 2"));
        }
        in_flight += settle(progress, last, "scores");
    }
    in_flight
}

fn check_fields(client: &mut Client, known: &mut Known) -> u64 {
    let mut in_flight = 0;
    for (number, progress) in known.fields.iter_mut().enumerate() {
        let mut last: u64 = 0;
        for place in 0..FIELDS {
            let pair = texts(&client.run(&format!("HMGET hash:{number} f{place} g{place}")));
            assert_eq!(pair[0], pair[1], "hash {number}: half of a command");
            last = last.max(pair[0].parse().unwrap_or(0));
        }
        in_flight += settle(progress, last, "fields");
    }
    in_flight
}

#[test]
fn collections_survive_sigkill() {
    let mut random = SmallRng::seed_from_u64(seed("--test crash_recovery"));
    let cycles = setting("ACKD_CRASH_CYCLES", 8);
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let flags = ["--wal-segment-size", "4mb", "--recovery-target-ms", "20", "--loglevel", "warning"];
    let (mut known, mut looks, mut in_flight) = (Known::default(), 0, 0);
    let mut totals = [0; 4];
    // On a slow machine it may take more cycles until something of each kind is acknowledged.
    let is_done = |cycle, totals: &[u64; 4], looks| {
        cycle >= cycles && (cycle >= 10 * cycles || (totals.iter().all(|total| *total > 0) && looks > 0))
    };
    let mut cycle = 0;
    while !is_done(cycle, &totals, looks) {
        let flags = [&flags[..], &threads(cycle)].concat();
        let mut server = TestServer::start(&dir, &flags);
        if cycle % CYCLES_KEPT == 0 {
            server.client().run("FLUSHALL");
            known = Known::default();
        }
        let before = known;
        looks += live(&mut server, &mut known, random.random_range(20..300));
        let server = TestServer::start(&dir, &flags);
        in_flight += check(&mut server.client(), &mut known);
        let kinds = [
            (known.transfers, before.transfers),
            (known.pushes, before.pushes),
            (known.scores, before.scores),
            (known.fields, before.fields),
        ];
        for (total, (after, before)) in totals.iter_mut().zip(kinds) {
            *total += after.iter().zip(before).map(|(after, before)| after.acked - before.acked).sum::<u64>();
        }
        cycle += 1;
    }
    assert!(totals.iter().all(|total| *total > 0) && looks > 0, "{totals:?}, {looks} looks");
    let [transfers, pushes, scores, fields] = totals;
    eprintln!(
        "{cycle} SIGKILLs, {transfers} transfers with their sum kept in {looks} looks, {pushes} pushes of two"
    );
    eprintln!(
        "jobs each in one place, {scores} additions to sorted sets, {fields} to hashes: 0 lost, 0 by half;"
    );
    eprintln!("{in_flight} of these were in flight and are there whole");
}
