//! Events that random commands send to subscribers: the same in the same order from ackd and from redis-server.

use super::*;

/// A client that subscribes to all events of keys, and to the message that ends a batch.
struct Listener {
    client: Client,
}

impl Listener {
    fn new(mut client: Client) -> Self {
        client.send(&encode(&[b"PSUBSCRIBE", b"__key*", b"end"])).unwrap();
        for _ in 0..2 {
            client.reply().unwrap();
        }
        Self { client }
    }

    /// The events up to the end of the batch, which `speaker` publishes.
    fn batch(&mut self, speaker: &mut Client) -> Vec<String> {
        assert_eq!(speaker.command(&[b"PUBLISH", b"end", b""]), Value::Integer(1));
        let mut events = Vec::new();
        loop {
            let Ok(Value::Array(message)) = self.client.reply() else { panic!("a listener is told nothing") };
            if message[2] == Value::Bulk(b"end".to_vec()) {
                return events;
            }
            let text = |value: &Value| format!("{:.60}", value.text());
            events.push(format!("{} {}", text(&message[2]), text(&message[3])));
        }
    }
}

/// Sends random commands of a family to both servers, and compares the events that listeners get.
fn compare_events(commands: u64, family: impl FnOnce(SmallRng) -> Box<dyn Family>) {
    let seed = comparison_seed();
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let reference = Reference::start(root.path());
    let mut sides = [[server.client(), server.client(), server.client()], {
        [reference.client(), reference.client(), reference.client()]
    }]
    .map(|[client, mut speaker, listener]| {
        speaker.run("CONFIG SET notify-keyspace-events KEAn");
        (client, speaker, Listener::new(listener))
    });
    let mut source = family(SmallRng::seed_from_u64(seed));
    let (mut sent, mut told) = (0, 0);
    while sent < commands {
        let batch: Vec<Vec<String>> = iter::repeat_with(|| source.next()).take(PIPELINE / 4).collect();
        let batch: Vec<Vec<String>> = batch.into_iter().filter(|words| source.told_alike(words)).collect();
        sent += batch.len() as u64;
        let bytes: Vec<u8> = batch
            .iter()
            .flat_map(|words| encode(&words.iter().map(String::as_bytes).collect::<Vec<_>>()))
            .collect();
        sides.iter_mut().for_each(|(client, ..)| client.send(&bytes).unwrap());
        let [ours, theirs] = sides.each_mut().map(|(client, speaker, listener)| {
            batch.iter().for_each(|_| {
                client.reply().expect("a server answers");
            });
            listener.batch(speaker)
        });
        told += theirs.len();
        assert!(
            ours == theirs,
            "ackd told\n{}\nredis-server told\n{}\nof\n{}",
            ours.join("\n"),
            theirs.join("\n"),
            batch.iter().map(|words| format!("{:.300?}", words)).collect::<Vec<_>>().join("\n")
        );
    }
    assert!(told > 0, "nothing was told");
    eprintln!("{sent} commands, {told} messages about events, 0 differences");
}

#[test]
fn events_of_strings_sets_and_hashes_are_those_of_redis() {
    compare_events(commands(20_000), |random| Box::new(Commands { random, in_multi: false }));
}

#[test]
fn events_of_lists_are_those_of_redis() {
    compare_events(commands(6_000), lists::family);
}

#[test]
fn events_of_sorted_sets_are_those_of_redis() {
    compare_events(commands(10_000), sorted_sets::family);
}

#[test]
fn events_of_places_are_those_of_redis() {
    compare_events(commands(4_000), geo::family);
}

#[test]
fn events_of_bits_and_hyperloglogs_are_those_of_redis() {
    compare_events(commands(4_000), bitmaps::family);
    compare_events(commands(4_000), hyperloglogs::family);
}

#[test]
fn events_of_sorting_are_those_of_redis() {
    compare_events(commands(4_000), sort::family);
}
