//! Streams of redis-server, and what is wrong with those that are damaged.

use super::*;

/// Each payload: its name, its bytes, and what redis-server says of the stream.
fn payloads() -> impl Iterator<Item = (&'static str, Vec<u8>, Vec<&'static str>)> {
    include_str!("streams.txt").lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split(' ');
        let (name, hex) = (words.next().unwrap(), words.next().unwrap());
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (name, (0..hex.len()).step_by(2).map(byte).collect(), words.collect())
    })
}

/// An entry of a stream.
type StreamEntry = (StreamId, Vec<(Vec<u8>, Vec<u8>)>);

/// Reads type and value.
fn read(mut input: Input<'_>) -> Result<(Vec<StreamEntry>, Stream), RdbError> {
    let number = input.byte()?;
    let of = StreamType::of(number).ok_or(RdbError::UnknownType(number))?;
    let mut entries = Vec::new();
    let stream = read_stream(of, &mut input, &mut |id, fields| {
        let mut pairs = Vec::new();
        fields.each(|field, value| {
            pairs.push((field.to_vec(), value.to_vec()));
            Ok::<_, RdbError>(())
        })?;
        assert_eq!((pairs.len() as u64, pairs.is_empty()), (fields.len(), fields.is_empty()));
        entries.push((id, pairs));
        Ok(())
    })?;
    Ok((entries, stream))
}

/// Writes what follows the nodes.
fn put_stream_end(of: StreamType, stream: &Stream, bytes: &mut Vec<u8>) {
    put_stream(of, stream, stream.groups.len() as u64, bytes);
    for group in &stream.groups {
        put_group(of, &group.name, (group.last_id, group.read), bytes);
        put_length(group.pending.len() as u64, bytes);
        for (id, pending) in &group.pending {
            put_pending(*id, (pending.delivered_ms, pending.deliveries), bytes);
        }
        put_length(group.consumers.len() as u64, bytes);
        for (index, consumer) in group.consumers.iter().enumerate() {
            put_consumer(of, &consumer.name, (consumer.seen_ms, consumer.active_ms), bytes);
            let owned = group.pending.iter().filter(|(_, pending)| pending.consumer == index);
            put_length(owned.clone().count() as u64, bytes);
            owned.for_each(|(id, _)| put_id(*id, bytes));
        }
    }
}

/// Writes type and value.
fn write(of: StreamType, entries: &[StreamEntry], stream: &Stream) -> Vec<u8> {
    let (mut nodes, mut count, mut node) = (Vec::new(), 0, NodeWriter::default());
    for (id, fields) in entries {
        node.add(*id, fields.iter().map(|(field, value)| (&field[..], &value[..])));
        if node.is_full() {
            node.finish(&mut nodes);
            count += 1;
        }
    }
    if !node.is_empty() {
        node.finish(&mut nodes);
        count += 1;
    }
    let mut bytes = vec![of as u8];
    put_length(count, &mut bytes);
    bytes.extend(nodes);
    put_stream_end(of, stream, &mut bytes);
    bytes
}

fn shown_id(id: StreamId) -> String {
    format!("{}-{}", id.ms, id.sequence)
}

/// A text as the file shows it.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    if text.len() > 24 { format!("{}..{}", &text[..8], text.len()) } else { text.into() }
}

/// A stream as the file shows it.
fn shown_stream(entries: &[StreamEntry], stream: &Stream) -> Vec<String> {
    let mut words = Vec::new();
    for (id, fields) in entries {
        let pairs: Vec<_> =
            fields.iter().map(|(field, value)| format!("{}={}", shown(field), shown(value))).collect();
        words.push(format!("{}:{}", shown_id(*id), pairs.join(",")));
    }
    words.push(format!("len={}", stream.len));
    words.push(format!("last={}", shown_id(stream.last_id)));
    words.push(format!("first={}", shown_id(stream.first_id)));
    words.push(format!("deleted={}", shown_id(stream.deleted_id)));
    words.push(format!("added={}", stream.added));
    for group in &stream.groups {
        let read = group.read.map_or("?".into(), |read| read.to_string());
        words.push(format!("group={},{},{read}", shown(&group.name), shown_id(group.last_id)));
        for (id, pending) in &group.pending {
            let consumer = shown(&group.consumers[pending.consumer].name);
            let Pending { delivered_ms, deliveries, .. } = pending;
            words.push(format!("pending={},{consumer},{delivered_ms},{deliveries}", shown_id(*id)));
        }
        for consumer in &group.consumers {
            let active = match consumer.active_ms {
                Some(active_ms) if active_ms == consumer.seen_ms => String::new(),
                Some(active_ms) => format!(",{active_ms}"),
                None => ",-".into(),
            };
            words.push(format!("consumer={},{}{active}", shown(&consumer.name), consumer.seen_ms));
        }
    }
    words
}

#[test]
fn streams_of_redis_are_what_it_says() {
    let mut count = 0;
    for (name, bytes, expected) in payloads() {
        let (entries, stream) = read(open(&bytes).expect(name)).expect(name);
        assert_eq!(shown_stream(&entries, &stream), expected, "{name}");
        count += 1;
    }
    assert_eq!(count, 8);
}

#[test]
fn what_is_written_is_read() {
    for (name, bytes, _) in payloads() {
        let (entries, mut stream) = read(open(&bytes).unwrap()).unwrap();
        for consumer in stream.groups.iter_mut().flat_map(|group| &mut group.consumers) {
            consumer.active_ms = Some(consumer.seen_ms);
        }
        let written = write(StreamType::Second, &entries, &stream);
        assert_eq!(read(Input::new(&written)).expect(name), (entries.clone(), stream.clone()), "{name}");
        for consumer in stream.groups.iter_mut().flat_map(|group| &mut group.consumers).take(2) {
            let is_first = consumer.name.ends_with(b"1");
            consumer.active_ms = Some(consumer.seen_ms - 5).filter(|_| !is_first);
        }
        let written = write(StreamType::Third, &entries, &stream);
        assert_eq!(read(Input::new(&written)).expect(name), (entries.clone(), stream.clone()), "{name}");
        // The first version has less.
        (stream.deleted_id, stream.added) = (StreamId::default(), entries.len() as u64);
        let ends = [Some(stream.first_id), entries.last().map(|(id, _)| *id)].map(Option::unwrap_or_default);
        for group in &mut stream.groups {
            group.read = match group.last_id {
                _ if entries.is_empty() => Some(0),
                id if id < ends[0] => Some(0),
                id if id == ends[0] => Some(1),
                id if id == stream.last_id => Some(stream.added),
                _ => None,
            };
            group.consumers.iter_mut().for_each(|consumer| consumer.active_ms = Some(consumer.seen_ms));
        }
        let written = write(StreamType::First, &entries, &stream);
        assert_eq!(read(Input::new(&written)).expect(name), (entries, stream), "{name}");
    }
}

#[test]
fn a_stream_that_is_cut_is_refused() {
    for (name, bytes, _) in payloads() {
        let value = &bytes[..bytes.len() - FOOTER_BYTES];
        for len in 0..value.len() {
            assert!(read(Input::new(&value[..len])).is_err(), "{name} {len}");
        }
    }
}

#[test]
fn a_stream_that_contradicts_itself_is_refused() {
    let id = |ms| StreamId { ms, sequence: 0 };
    let entries: Vec<StreamEntry> = (1..4).map(|ms| (id(ms), vec![(b"f".to_vec(), b"v".to_vec())])).collect();
    let consumer = |name: &[u8]| Consumer { name: name.into(), ..Consumer::default() };
    let pending = Pending { delivered_ms: 1, deliveries: 1, consumer: 0 };
    let group = Group {
        name: b"g".into(),
        pending: [(id(1), pending)].into(),
        consumers: vec![consumer(b"a"), consumer(b"b")],
        ..Group::default()
    };
    let stream = Stream {
        len: 3,
        last_id: id(3),
        first_id: id(1),
        added: 3,
        groups: vec![group.clone()],
        ..Stream::default()
    };
    let refused = |entries: &[StreamEntry], stream: &Stream| {
        read(Input::new(&write(StreamType::Third, entries, stream))) == Err(RdbError::Packed("stream"))
    };
    assert!(!refused(&entries, &stream));
    assert!(refused(&entries, &Stream { len: 2, ..stream.clone() }));
    assert!(refused(&entries, &Stream { last_id: id(2), ..stream.clone() }));
    assert!(refused(&entries, &Stream { groups: vec![group.clone(), group.clone()], ..stream.clone() }));
    let twice = vec![consumer(b"a"), consumer(b"a")];
    let group = Group { consumers: twice, ..group };
    assert!(refused(&entries, &Stream { groups: vec![group], ..stream.clone() }));
    let fields = || vec![(b"f".to_vec(), b"v".to_vec())];
    let with_ids = |ids: [u64; 3]| ids.map(|ms| (id(ms), fields()));
    assert!(!refused(&with_ids([1, 2, 3]), &stream));
    for ids in [[2, 1, 3], [1, 1, 3], [0, 1, 2]] {
        assert!(refused(&with_ids(ids), &stream), "{ids:?}");
    }
    assert!(refused(&[(id(1), fields()), (id(2), Vec::new()), (id(3), fields())], &stream));
    let mut late = stream.clone();
    late.groups[0].consumers[1].seen_ms = u64::MAX;
    assert!(refused(&entries, &late));
    // A pending entry without a consumer.
    let mut bytes = write(StreamType::Third, &entries, &stream);
    let at = bytes.len() - 1 - 2 - 16 - 17;
    assert_eq!(bytes[at], 1, "the number of entries of the first consumer");
    bytes.splice(at..at + 17, [0]);
    assert_eq!(read(Input::new(&bytes)), Err(RdbError::Packed("stream")));
}
