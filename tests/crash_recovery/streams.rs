//! A stream with a group through SIGKILL: no event is lost, none is delivered twice without a claim, and what was delivered
//! stays pending until it is acknowledged.
//!
//! Producers add events, consumers read, claim and acknowledge them, and another client trims the stream. The data is kept
//! for several cycles, so that each recovery builds on earlier ones.

use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Clients of each kind.
const CLIENTS: u64 = 2;
/// Entries that the stream keeps: far more than the consumers are behind.
const KEPT: u64 = 20_000;
/// Cycles after which the data is deleted.
const CYCLES_KEPT: u64 = 10;

/// The ID of an entry.
type Id = (u64, u64);

/// What the clients know of entries.
#[derive(Default)]
struct Known {
    /// Those that were delivered as new ones, or may have been when the server was killed.
    delivered: BTreeSet<Id>,
    /// Those whose acknowledgement was sent.
    sent: BTreeSet<Id>,
    /// Those whose acknowledgement was answered.
    acknowledged: BTreeSet<Id>,
    /// Number of entries that were claimed.
    claimed: u64,
}

fn id_of(value: &Value) -> Id {
    let text = value.text();
    let (ms, seq) = text.split_once('-').expect("an ID");
    (ms.parse().expect("a number"), seq.parse().expect("a number"))
}

/// The IDs of entries in a reply.
fn ids(entries: &Value) -> Vec<Id> {
    let Value::Array(entries) = entries else { return Vec::new() };
    let id = |entry: &Value| match entry {
        Value::Array(parts) => id_of(&parts[0]),
        other => panic!("an entry is {other:?}"),
    };
    entries.iter().map(id).collect()
}

/// Number of entries at the start of a reply that were delivered before.
fn claimed_len(entries: &Value) -> usize {
    let Value::Array(entries) = entries else { return 0 };
    let is_claimed = |entry: &&Value| match entry {
        Value::Array(parts) => parts.get(3).is_some_and(|deliveries| *deliveries != Value::Integer(0)),
        other => panic!("an entry is {other:?}"),
    };
    entries.iter().take_while(is_claimed).count()
}

fn run(client: &mut Client, line: &str) -> std::io::Result<Value> {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let reply = client.try_command(&words)?;
    assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
    Ok(reply)
}

/// Adds events, two at once, until the connection breaks.
fn produce(mut client: Client, producer: u64, mut progress: Progress) -> Progress {
    loop {
        let first = progress.sent + 1;
        let bytes: Vec<u8> = (first..first + 2)
            .flat_map(|sequence| {
                let (producer, sequence) = (producer.to_string(), sequence.to_string());
                encode(&[b"XADD", b"events", b"*", b"p", producer.as_bytes(), b"s", sequence.as_bytes()])
            })
            .collect();
        progress.sent += 2;
        if client.send(&bytes).is_err() {
            return progress;
        }
        for _ in 0..2 {
            match client.reply() {
                Ok(Value::Bulk(_)) => progress.acked += 1,
                Ok(other) => panic!("XADD: {other:?}"),
                Err(_) => return progress,
            }
        }
    }
}

/// Claims some entries: those that have been pending first, or `named` ones of the next consumer.
fn claim(client: &mut Client, consumer: u64, named: bool) -> std::io::Result<Vec<Id>> {
    if !named {
        let line = format!("XAUTOCLAIM events g c{consumer} 0 0 COUNT 3");
        let Value::Array(parts) = run(client, &line)? else { panic!("XAUTOCLAIM answers an array") };
        return Ok(ids(&parts[1]));
    }
    let other = (consumer + 1) % CLIENTS;
    let pending = ids(&run(client, &format!("XPENDING events g - + 3 c{other}"))?);
    if pending.is_empty() {
        return Ok(pending);
    }
    let words: Vec<String> = pending.iter().map(|(ms, seq)| format!("{ms}-{seq}")).collect();
    Ok(ids(&run(client, &format!("XCLAIM events g c{consumer} 0 {}", words.join(" ")))?))
}

/// Reads, claims and acknowledges entries, until the connection breaks.
fn consume(mut client: Client, consumer: u64, known: Arc<Mutex<Known>>) {
    let mut round = 0;
    let mut turn = || -> std::io::Result<()> {
        let claims = if round % 3 == 0 { "CLAIM 100 " } else { "" };
        let line = format!("XREADGROUP GROUP g c{consumer} COUNT 7 BLOCK 20 {claims}STREAMS events >");
        let mut own = Vec::new();
        if let Value::Array(streams) = run(&mut client, &line)? {
            let Value::Array(parts) = &streams[0] else { panic!("{streams:?}") };
            own = ids(&parts[1]);
            let mut known = known.lock().unwrap();
            known.claimed += claimed_len(&parts[1]) as u64;
            for id in own.iter().skip(claimed_len(&parts[1])) {
                assert!(known.delivered.insert(*id), "{id:?} was delivered twice");
            }
        }
        round += 1;
        if round % 5 == 0 {
            let claimed = claim(&mut client, consumer, round % 2 == 0)?;
            known.lock().unwrap().claimed += claimed.len() as u64;
            own.extend(claimed);
        }
        // Every other entry stays pending for a while.
        let done: Vec<Id> = own.into_iter().filter(|(ms, seq)| (ms + seq + round) % 2 == 0).collect();
        if done.is_empty() {
            return Ok(());
        }
        known.lock().unwrap().sent.extend(&done);
        let words: Vec<String> = done.iter().map(|(ms, seq)| format!("{ms}-{seq}")).collect();
        run(&mut client, &format!("XACK events g {}", words.join(" ")))?;
        known.lock().unwrap().acknowledged.extend(&done);
        Ok(())
    };
    while turn().is_ok() {}
}

/// One life of the server.
fn live(server: &mut TestServer, producers: &mut [Progress], known: &Arc<Mutex<Known>>, millis: u64) {
    let writers: Vec<_> = (0..)
        .zip(producers.iter().copied())
        .map(|(number, progress)| {
            let client = server.client();
            std::thread::spawn(move || produce(client, number, progress))
        })
        .collect();
    let mut others: Vec<_> = (0..CLIENTS)
        .map(|consumer| {
            let (client, known) = (server.client(), known.clone());
            std::thread::spawn(move || consume(client, consumer, known))
        })
        .collect();
    let mut client = server.client();
    others.push(std::thread::spawn(move || {
        while run(&mut client, &format!("XTRIM events MAXLEN ~ {KEPT}")).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }));
    std::thread::sleep(Duration::from_millis(millis));
    server.kill();
    for (progress, writer) in producers.iter_mut().zip(writers) {
        *progress = writer.join().unwrap();
    }
    others.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Checks that the events of each producer are there, in order, up to one that was sent.
fn check_events(client: &mut Client, producers: &mut [Progress]) {
    let Value::Array(entries) = client.run("XRANGE events - +") else { panic!("XRANGE answers an array") };
    assert_eq!(client.run("XLEN events"), Value::Integer(entries.len() as i64));
    let mut sequences: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for entry in &entries {
        let Value::Array(parts) = entry else { panic!("{entry:?}") };
        let Value::Array(fields) = &parts[1] else { panic!("{entry:?}") };
        let number = |place: usize| fields[place].text().parse::<u64>().unwrap();
        sequences.entry(number(1)).or_default().push(number(3));
    }
    for (number, progress) in (0..).zip(producers) {
        let found = sequences.remove(&number).unwrap_or_default();
        assert!(
            found.windows(2).all(|pair| pair[0] + 1 == pair[1]),
            "producer {number}: an event is missing"
        );
        let last = found.last().copied().unwrap_or(0);
        assert!(
            last >= progress.acked,
            "producer {number}: {} was acknowledged, {last} is there",
            progress.acked
        );
        assert!(last <= progress.sent, "producer {number}: {last} is there, {} were sent", progress.sent);
        *progress = Progress { acked: last, sent: last };
    }
}

/// Checks that each entry that was delivered is pending until it is acknowledged.
fn check_deliveries(client: &mut Client, known: &mut Known) {
    let Value::Array(groups) = client.run("XINFO GROUPS events") else { panic!("XINFO answers an array") };
    let Value::Array(fields) = &groups[0] else { panic!("{groups:?}") };
    let last = fields
        .iter()
        .position(|field| *field == Value::Bulk(b"last-delivered-id".to_vec()))
        .map(|at| id_of(&fields[at + 1]));
    let last = last.expect("a group has a last ID");
    let pending: BTreeSet<Id> = ids(&client.run("XPENDING events g - + 1000000")).into_iter().collect();
    assert!(pending.iter().all(|id| *id <= last), "an entry is pending that was not delivered");
    assert!(known.delivered.iter().all(|id| *id <= last), "a delivery was lost");
    for id in &known.delivered {
        let is_lost = !pending.contains(id) && !known.sent.contains(id);
        assert!(!is_lost, "{id:?} was delivered, and is neither pending nor acknowledged");
    }
    assert!(known.acknowledged.is_disjoint(&pending), "an acknowledged entry is pending");
    for id in ids(&client.run("XRANGE events - +")).into_iter().filter(|id| *id <= last) {
        let is_lost = !pending.contains(&id) && !known.sent.contains(&id);
        assert!(!is_lost, "{id:?} was passed by, and is neither pending nor acknowledged");
        known.delivered.insert(id);
    }
    known.delivered.extend(&pending);
    known.sent = known.sent.difference(&pending).copied().collect();
    known.acknowledged = known.sent.clone();
    let held: i64 = (0..CLIENTS)
        .map(|consumer| ids(&client.run(&format!("XPENDING events g - + 1000000 c{consumer}"))).len() as i64)
        .sum();
    assert_eq!(held, pending.len() as i64, "each pending entry has one consumer");
}

#[test]
fn streams_survive_sigkill() {
    let mut random = SmallRng::seed_from_u64(seed("--test crash_recovery"));
    let cycles = setting("ACKD_CRASH_CYCLES", 8);
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let flags = ["--wal-segment-size", "4mb", "--recovery-target-ms", "20", "--loglevel", "warning"];
    let (mut producers, known) =
        ([Progress::default(); CLIENTS as usize], Arc::new(Mutex::new(Known::default())));
    let (mut added, mut delivered, mut acknowledged, mut claimed) = (0, 0, 0, 0);
    for cycle in 0..cycles {
        let flags = [&flags[..], &threads(cycle)].concat();
        let mut server = TestServer::start(&dir, &flags);
        if cycle % CYCLES_KEPT == 0 {
            server.client().run("FLUSHALL");
            server.client().run("XGROUP CREATE events g 0 MKSTREAM");
            (producers, *known.lock().unwrap()) = ([Progress::default(); CLIENTS as usize], Known::default());
        }
        let before = {
            let known = known.lock().unwrap();
            (producers, known.delivered.len(), known.acknowledged.len(), known.claimed)
        };
        live(&mut server, &mut producers, &known, random.random_range(20..300));
        let server = TestServer::start(&dir, &flags);
        check_events(&mut server.client(), &mut producers);
        let mut known = known.lock().unwrap();
        check_deliveries(&mut server.client(), &mut known);
        added +=
            producers.iter().zip(before.0).map(|(after, before)| after.acked - before.acked).sum::<u64>();
        delivered += known.delivered.len() - before.1;
        acknowledged += known.acknowledged.len() - before.2;
        claimed += known.claimed - before.3;
    }
    assert!(added > 0 && delivered > 0 && acknowledged > 0, "{added} {delivered} {acknowledged}");
    eprintln!(
        "{cycles} SIGKILLs, {added} events, {delivered} delivered, {claimed} claimed, {acknowledged} acknowledged: \
         0 lost, 0 delivered twice"
    );
}
