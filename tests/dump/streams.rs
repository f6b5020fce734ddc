//! Streams of redis-server, read and written again: it takes them, and says the same of them as before.

use ackd::rdb::{
    Input, NodeWriter, RdbError, StreamId, StreamType, open, put_length, put_stream_end, read_stream,
};

use super::*;

/// A stream with entries, deletions and groups.
fn create(client: &mut Client, random: &mut SmallRng) {
    let (mut ms, same) = (random.random_range(1..1000_u64), random.random::<bool>());
    let mut ids = Vec::new();
    for number in 0..random.random_range(1..400) {
        ms += random.random_range(0..50);
        let id = format!("{ms}-{number}");
        let value = "v".repeat(random.random_range(0..200));
        let line = match random.random_range(0..4) {
            _ if same => format!("XADD s {id} field {number} other {value}x"),
            0 => format!("XADD s {id} field -{number}"),
            1 => format!("XADD s {id} f {number} g {value}y h 1.5"),
            _ => format!("XADD s {id} other {value}x field 1"),
        };
        client.run(&line);
        ids.push(id);
    }
    for group in ["one", "two"] {
        client.run(&format!("XGROUP CREATE s {group} {}", ["0", "$"][random.random_range(0..2)]));
        for _ in 0..random.random_range(0..6) {
            let (consumer, count) = (random.random_range(0..4), random.random_range(1..30));
            client.run(&format!("XREADGROUP GROUP {group} consumer:{consumer} COUNT {count} STREAMS s >"));
        }
    }
    for _ in 0..random.random_range(0..20) {
        let id = &ids[random.random_range(0..ids.len())];
        client.run(
            &format!("{} s {id}", ["XDEL", "XACK", "XDEL"][random.random_range(0..3)])
                .replace("XACK s", "XACK s one"),
        );
    }
}

/// The same value, written again.
fn again(payload: &[u8]) -> Vec<u8> {
    let mut input: Input<'_> = open(payload).unwrap();
    let of = StreamType::of(input.byte().unwrap()).unwrap();
    let (mut nodes, mut count, mut node) = (Vec::new(), 0, NodeWriter::default());
    let stream = read_stream(of, &mut input, &mut |id: StreamId, fields| {
        let mut pairs = Vec::new();
        fields.each(|field, value| {
            pairs.push((field.to_vec(), value.to_vec()));
            Ok::<_, RdbError>(())
        })?;
        if node.is_full() {
            node.finish(&mut nodes);
            count += 1;
        }
        node.add(id, pairs.iter().map(|(field, value)| (&field[..], &value[..])));
        Ok(())
    });
    let stream = stream.expect("a stream");
    if !node.is_empty() {
        node.finish(&mut nodes);
        count += 1;
    }
    let mut value = vec![of as u8];
    put_length(count, &mut value);
    value.extend(nodes);
    put_stream_end(of, &stream, &mut value);
    payloads::sealed(&value, 10)
}

/// What redis-server says of a stream, without how it is laid out.
fn described(client: &mut Client, key: &str) -> Vec<Value> {
    let Value::Array(mut full) = client.run(&format!("XINFO STREAM {key} FULL COUNT 0")) else { panic!() };
    let layout = |name: &Value| name.text().starts_with("radix-tree");
    while let Some(at) = full.iter().step_by(2).position(layout) {
        full.drain(2 * at..2 * at + 2);
    }
    full
}

#[test]
fn streams_are_read_and_written_again() {
    let mut random = SmallRng::seed_from_u64(seed("--test dump streams_are"));
    let root = tempfile::tempdir().unwrap();
    let reference = Reference::start(root.path());
    let mut client = reference.client();
    client.run("CONFIG SET sanitize-dump-payload yes");
    for _ in 0..setting("ACKD_DUMP_VALUES", 300) / 5 {
        client.run("DEL s again");
        create(&mut client, &mut random);
        let payload = again(&dump(&mut client, "s"));
        assert_eq!(restore(&mut client, "again", "0", &payload, &[]), ok());
        assert_eq!(described(&mut client, "again"), described(&mut client, "s"));
    }
}
