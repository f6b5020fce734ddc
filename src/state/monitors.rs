//! `MONITOR`: the clients that get all commands shown, and the line per command.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use super::clients::ClientInfo;
use super::deliver::Deliver;
use super::outbox::Message;
use crate::clock::unix_now;
use crate::resp::{Args, Reply};
use crate::spec::{Flags, Spec};

/// The clients that sent `MONITOR`.
#[derive(Default)]
pub struct Monitors {
    /// Number of clients. The data path only checks this.
    len: AtomicUsize,
    /// The clients, by ID.
    clients: RwLock<BTreeMap<u64, Arc<ClientInfo>>>,
}

impl Monitors {
    /// Whether there are any.
    #[inline]
    pub fn any(&self) -> bool {
        self.len.load(Relaxed) > 0
    }

    /// Adds a client.
    pub fn add(&self, info: &Arc<ClientInfo>) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.insert(info.id(), info.clone());
        self.len.store(clients.len(), Relaxed);
    }

    /// Removes a client.
    pub fn remove(&self, id: u64) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.remove(&id);
        self.len.store(clients.len(), Relaxed);
    }

    /// Shows a command to all of them, unless its flags forbid it.
    #[cold]
    pub fn show(&self, server: &impl Deliver, by: &ClientInfo, db: u16, spec: &Spec, args: &Args<'_>) {
        if spec.flags.has(Flags::SKIP_MONITOR) || spec.flags.has(Flags::ADMIN) {
            return;
        }
        let line = line(by, db, spec, args);
        let mut message = Message::new(|reply: &mut Reply<'_>| {
            reply.raw(b"+");
            reply.raw(&line);
            reply.end_line();
        });
        for info in self.clients.read().unwrap_or_else(PoisonError::into_inner).values() {
            server.push(info, &mut message);
        }
    }
}

/// The line of a command: time, database, client, and each word in quotes.
fn line(by: &ClientInfo, db: u16, spec: &Spec, args: &Args<'_>) -> Vec<u8> {
    let now = unix_now();
    let addr = if by.peer().is_unix {
        format!("unix:{}", by.addr().trim_end_matches(":0"))
    } else {
        by.addr().into()
    };
    let mut line = format!("{}.{:06} [{db} {addr}]", now.as_secs(), now.subsec_micros()).into_bytes();
    for (index, word) in args.from(0).enumerate() {
        line.extend_from_slice(b" \"");
        if spec.is_secret(args, index) {
            line.extend_from_slice(b"(redacted)");
        } else {
            quote(word, &mut line);
        }
        line.push(b'"');
    }
    line
}

/// Appends a word in quotes, with special characters escaped.
fn quote(word: &[u8], line: &mut Vec<u8>) {
    for &byte in word {
        match byte {
            b'\\' | b'"' => line.extend_from_slice(&[b'\\', byte]),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            7 => line.extend_from_slice(b"\\a"),
            8 => line.extend_from_slice(b"\\b"),
            b' '..=b'~' => line.push(byte),
            _ => {
                let _ = write!(line, "\\x{byte:02x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Span;
    use crate::spec::lookup;
    use crate::state::{Clients, Peer, Users};

    fn shown(words: &[&[u8]]) -> String {
        let input = words.concat();
        let mut start = 0;
        let spans: Vec<Span> = words
            .iter()
            .map(|word| {
                start += word.len() as u32;
                Span { start: start - word.len() as u32, len: word.len() as u32 }
            })
            .collect();
        let peer = Peer { addr: "1.2.3.4:5".into(), ..Peer::default() };
        let info = Clients::default().add(peer, Users::default().default_user(), 0);
        let line = line(&info, 3, lookup(words[0]).unwrap(), &Args::new(&input, &spans));
        String::from_utf8(line).unwrap().split_once(' ').unwrap().1.to_owned()
    }

    #[test]
    fn words_are_quoted_and_passwords_hidden() {
        assert_eq!(
            shown(&[b"SET", b"k\"\\", b"a\r\n\x00\xff\x07 b"]),
            r#"[3 1.2.3.4:5] "SET" "k\"\\" "a\r\n\x00\xff\a b""#
        );
        assert_eq!(shown(&[b"auth", b"u", b"p"]), r#"[3 1.2.3.4:5] "auth" "(redacted)" "(redacted)""#);
        assert_eq!(
            shown(&[b"HELLO", b"3", b"AUTH", b"u", b"p", b"SETNAME", b"n"]),
            r#"[3 1.2.3.4:5] "HELLO" "3" "AUTH" "(redacted)" "(redacted)" "SETNAME" "n""#
        );
        assert_eq!(
            shown(&[b"HELLO", b"3", b"SETNAME", b"n", b"AUTH", b"u", b"p"]),
            r#"[3 1.2.3.4:5] "HELLO" "3" "SETNAME" "n" "AUTH" "(redacted)" "(redacted)""#
        );
    }
}
