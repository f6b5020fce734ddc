//! `HSCAN`, `SSCAN` and `ZSCAN` of collections of many sizes: if redis-server keeps a collection packed, one call returns all
//! of it from both servers, whatever `COUNT` is; otherwise several calls together return all elements.

use std::collections::BTreeSet;

use super::*;

/// The result of one call: whether it was the last one, and the names, without values or scores.
fn scanned(client: &mut Client, words: &[&str], pairs: bool) -> (bool, BTreeSet<String>, String) {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let Value::Array(reply) = client.command(&words) else { panic!("a scan is answered with an array") };
    let [cursor, Value::Array(found)] = &reply[..] else { panic!("{reply:?}") };
    let names = found.iter().step_by(if pairs { 2 } else { 1 }).map(Value::text).collect();
    (cursor.text() == "0", names, cursor.text())
}

/// Adds `len` elements of `bytes` bytes to a collection of a kind; integers if `bytes` is 0.
fn fill(client: &mut Client, kind: &str, key: &str, len: usize, bytes: usize) {
    let mut words = vec![kind.to_owned(), key.to_owned()];
    for number in 0..len {
        let name = if bytes == 0 { number.to_string() } else { format!("{number:0bytes$}x") };
        match kind {
            "HSET" => words.extend([name.clone(), name]),
            "ZADD" => words.extend([number.to_string(), name]),
            _ => words.push(name),
        }
    }
    client.command(&words.iter().map(String::as_bytes).collect::<Vec<_>>());
}

#[test]
fn packed_collections_are_scanned_whole_as_by_redis() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let reference = Reference::start(root.path());
    let (mut ours, mut theirs) = (server.client(), reference.client());
    let mut key = 0;
    let mut whole = 0;
    for (add, scan) in [("HSET", "HSCAN"), ("SADD", "SSCAN"), ("ZADD", "ZSCAN")] {
        for len in [1, 12, 30, 40, 100, 128, 129, 500, 512, 513, 3000] {
            for bytes in [0, 5, 35, 63, 64, 200] {
                if (add, bytes) == ("SADD", 5) || (add == "SADD" && bytes > 0 && len <= 128) {
                    // Before 7.2 redis-server packs sets of integers only.
                    continue;
                }
                key += 1;
                let name = format!("{key}");
                for client in [&mut ours, &mut theirs] {
                    fill(client, add, &name, len, bytes);
                }
                let words = [scan, &name, "0", "COUNT", "3"];
                let pairs = add != "SADD";
                let (our_end, our_names, mut cursor) = scanned(&mut ours, &words, pairs);
                let (their_end, their_names, _) = scanned(&mut theirs, &words, pairs);
                if their_end {
                    whole += 1;
                    assert!(our_end && our_names == their_names, "{add} {len} {bytes}: {our_names:?}");
                }
                let mut all = our_names;
                while cursor != "0" {
                    let (_, names, next) = scanned(&mut ours, &[scan, &name, &cursor, "COUNT", "100"], pairs);
                    all.extend(names);
                    cursor = next;
                }
                assert_eq!(all.len(), len, "{add} {len} {bytes}");
            }
        }
    }
    assert!(whole > 50, "only {whole} were whole");
}
