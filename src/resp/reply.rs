//! Encodes replies, in RESP2 or RESP3 as the client chose.
//!
//! One method per reply type. If RESP2 lacks a type, the method writes what Redis writes instead. Format: the Redis
//! serialization protocol specification, versions 2 and 3.

use super::sink::{PIECE_BYTES_MAX, Sink};
use crate::number::format_f64;

/// The version of the protocol that a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2, which every connection starts with.
    #[default]
    Resp2,
    /// RESP3, chosen with `HELLO 3`.
    Resp3,
}

/// The longest text of an error reply, in bytes; a longer one is cut.
const ERROR_BYTES_MAX: usize = 512;

/// Maximum number of bytes around a bulk string: `$`, its length, two line ends.
const BULK_FRAME_BYTES: usize = 16;
/// Maximum number of bytes of a type, a number and a line end.
const HEADER_BYTES_MAX: usize = 23;
/// Maximum number of bytes of a streaming reply that are collected rather than made twice.
const COLLECTED_BYTES_MAX: usize = 4 << 20;
/// Maximum number of bytes of a bulk string that are reserved at once: a buffer that grows with each piece ends with up
/// to twice the memory. No more than this, because a damaged table may give any length.
const BULK_BYTES_RESERVED: usize = 4 << 20;

/// Appends replies to a buffer, up to a limit.
///
/// What does not fit is left out, and so is everything after it, except errors: the reply is then [cut](Reply::is_cut).
/// So memory is bounded while a reply is built, and only the code that started it needs to check.
///
/// A reply that [streams](Reply::streaming) has no limit: its buffer is handed over whenever it is full.
pub struct Reply<'a> {
    /// Where the encoded replies go.
    out: &'a mut Vec<u8>,
    /// Decides the encoding of the types that RESP2 lacks.
    protocol: Protocol,
    /// Bytes that may be appended.
    bytes_max: usize,
    /// Length that the buffer may grow to.
    end_max: usize,
    /// The same, but 0 once something was left out.
    end: usize,
    /// Whether something was left out.
    is_cut: bool,
    /// Where full buffers go, if the reply streams.
    stream: Option<Stream<'a>>,
}

/// The part of a reply that was handed over.
struct Stream<'a> {
    /// Where it went.
    sink: &'a mut dyn Sink,
    /// Number of its bytes.
    given_bytes: usize,
    /// Whether some of it would have to be taken back.
    is_broken: bool,
}

impl<'a> Reply<'a> {
    /// Replies in `protocol` without a limit, appended to `out`: for replies that are short, or bounded otherwise.
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Self::within(out, protocol, usize::MAX)
    }

    /// Replies in `protocol`, appended to `out`: `bytes_max` bytes at most.
    pub fn within(out: &'a mut Vec<u8>, protocol: Protocol, bytes_max: usize) -> Self {
        let start = out.len();
        Self::part(out, start, protocol, bytes_max)
    }

    /// Part of a longer reply, which starts at `start` of `out` and has `bytes_max` bytes at most.
    pub fn part(out: &'a mut Vec<u8>, start: usize, protocol: Protocol, bytes_max: usize) -> Self {
        let end_max = start.saturating_add(bytes_max);
        Self { out, protocol, bytes_max, end_max, end: end_max, is_cut: false, stream: None }
    }

    /// Replies in `protocol`, through the empty buffer `out` into `sink`. There is no limit, but for what has to be
    /// collected before it can be written: `collected_bytes_max`.
    pub fn streaming(
        out: &'a mut Vec<u8>,
        protocol: Protocol,
        sink: &'a mut dyn Sink,
        collected_bytes_max: usize,
    ) -> Self {
        debug_assert!(out.is_empty());
        Self {
            out,
            protocol,
            bytes_max: collected_bytes_max,
            end_max: PIECE_BYTES_MAX,
            end: PIECE_BYTES_MAX,
            is_cut: false,
            stream: Some(Stream { sink, given_bytes: 0, is_broken: false }),
        }
    }

    /// Whether parts of the reply may have been sent when a command fails, so that it must look up all its keys before.
    pub fn streams(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether a part of the reply would have had to be taken back that was handed over.
    pub fn is_broken(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.is_broken)
    }

    /// Number of bytes that were handed over.
    fn given_bytes(&self) -> usize {
        self.stream.as_ref().map_or(0, |stream| stream.given_bytes)
    }

    /// Maximum number of bytes of the reply.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Whether something was left out since the buffer was last truncated.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Number of bytes that still fit, or that may be collected.
    pub fn room_bytes(&self) -> usize {
        match self.stream {
            Some(_) if !self.is_cut => self.bytes_max,
            _ => self.end.saturating_sub(self.out.len()),
        }
    }

    /// The protocol in use.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether RESP3 is in use.
    pub fn is_resp3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }

    /// Bytes in the buffer so far, including earlier replies, and bytes that were handed over.
    pub fn len_bytes(&self) -> usize {
        self.given_bytes() + self.out.len()
    }

    /// The text of the error that was written since the buffer held `len_bytes` bytes, if the reply is one.
    pub fn error_since(&self, len_bytes: usize) -> Option<&[u8]> {
        let text = self.out.get(len_bytes.checked_sub(self.given_bytes())?..)?.strip_prefix(b"-")?;
        Some(text.strip_suffix(b"\r\n").unwrap_or(text))
    }

    /// Removes everything written since the buffer held `len_bytes` bytes.
    pub fn truncate(&mut self, len_bytes: usize) {
        match (len_bytes.checked_sub(self.given_bytes()), &mut self.stream) {
            (None, Some(stream)) => {
                stream.is_broken = true;
                self.cut();
            }
            (kept_bytes, _) => {
                self.out.truncate(kept_bytes.unwrap_or(0));
                (self.is_cut, self.end) = (false, self.end_max);
            }
        }
    }

    /// Leaves out everything from here on.
    fn cut(&mut self) {
        (self.is_cut, self.end) = (true, 0);
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A simple string: a fixed text of the server, without line breaks.
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.bytes().any(|byte| byte == b'\r' || byte == b'\n'));
        self.raw(b"+");
        self.raw(text.as_bytes());
        self.end_line();
    }

    /// An error. `text` starts with its code (`ERR ...`); line breaks in it become spaces, so that no input can forge a
    /// second reply. It is written even above the limit.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let text = &text[..text.len().min(ERROR_BYTES_MAX)];
        self.out.push(b'-');
        self.out.extend(text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { byte }));
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A bulk string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.bulk_header(bytes.len());
        self.raw(bytes);
        self.end_line();
    }

    /// The start of a bulk string of `len_bytes` bytes, to be followed by [`Reply::raw`] calls and [`Reply::end_line`].
    pub fn bulk_header(&mut self, len_bytes: usize) {
        self.bulk_header_of_stored(len_bytes, 0);
    }

    /// Like [`Reply::bulk_header`], for a string of which `stored_bytes` bytes are certainly there: as many are reserved
    /// at once, however long it is.
    pub fn bulk_header_of_stored(&mut self, len_bytes: usize, stored_bytes: usize) {
        if self.stream.is_none() {
            if !self.fits(len_bytes.saturating_add(BULK_FRAME_BYTES)) {
                return;
            }
            self.out.reserve(len_bytes.min(stored_bytes.max(BULK_BYTES_RESERVED)) + BULK_FRAME_BYTES);
        }
        self.header(b'$', len_bytes as i64);
    }

    /// Raw bytes: part of a bulk string begun with [`Reply::bulk_header`], or a reply encoded before.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        if self.fits(bytes.len()) {
            self.out.extend_from_slice(bytes);
        } else if self.stream.is_some() && bytes.len() > PIECE_BYTES_MAX {
            bytes.chunks(PIECE_BYTES_MAX).for_each(|part| self.raw(part));
        }
    }

    /// A reply encoded before, which is taken out of its buffer; without a copy, if nothing is in front of it.
    pub fn take(&mut self, reply: &mut Vec<u8>) {
        if self.out.is_empty() && self.fits(reply.len()) {
            std::mem::swap(self.out, reply);
        } else {
            self.raw(reply);
        }
    }

    /// Messages, encoded before, that stand in front of the reply. They are no part of it: its limit is not theirs.
    pub fn messages(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.end_max = self.end_max.saturating_add(bytes.len());
        if !self.is_cut {
            self.end = self.end_max;
        }
    }

    /// The line end that closes a bulk string.
    pub fn end_line(&mut self) {
        self.raw(b"\r\n");
    }

    /// Whether there is room for `bytes` more bytes; if not, nothing more is written.
    #[inline]
    fn fits(&mut self, bytes: usize) -> bool {
        bytes <= self.end.saturating_sub(self.out.len()) || self.make_room(bytes)
    }

    /// Makes room by handing the buffer over. If that cannot be, nothing more is written, unless there is just too much
    /// for one piece.
    #[cold]
    fn make_room(&mut self, bytes: usize) -> bool {
        if let Some(stream) = self.stream.as_mut().filter(|_| !self.is_cut) {
            if bytes > PIECE_BYTES_MAX {
                return false;
            }
            let given_bytes = self.out.len();
            if stream.sink.take(self.out) {
                stream.given_bytes += given_bytes;
                return true;
            }
        }
        self.cut();
        false
    }

    /// An integer as a bulk string.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// The absence of a value: `$-1`, in RESP3 `_`.
    pub fn null(&mut self) {
        self.raw(if self.is_resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// The absence of an array: `*-1`, in RESP3 `_`.
    pub fn null_array(&mut self) {
        self.raw(if self.is_resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    /// The start of an array of `len` elements, which follow.
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as i64);
    }

    /// The start of a map of `pairs` keys and values, which follow alternately; in RESP2 a flat array.
    pub fn map(&mut self, pairs: usize) {
        if self.is_resp3() {
            self.header(b'%', pairs as i64);
        } else {
            self.array(pairs * 2);
        }
    }

    /// The start of a set of `len` members; in RESP2 an array.
    pub fn set(&mut self, len: usize) {
        self.header(if self.is_resp3() { b'~' } else { b'*' }, len as i64);
    }

    /// The start of a push message of `len` elements; in RESP2 an array.
    pub fn push(&mut self, len: usize) {
        self.header(if self.is_resp3() { b'>' } else { b'*' }, len as i64);
    }

    /// A floating point number whose text is already known; in RESP2 a bulk string.
    pub fn double_text(&mut self, text: &str) {
        if self.is_resp3() {
            self.raw(b",");
            self.raw(text.as_bytes());
            self.end_line();
        } else {
            self.bulk(text.as_bytes());
        }
    }

    /// A floating point number; in RESP2 a bulk string.
    pub fn double(&mut self, value: f64) {
        self.double_text(&format_f64(value));
    }

    /// Text with a format of three letters (`txt`, `mkd`); in RESP2 a bulk string.
    pub fn verbatim(&mut self, format: [u8; 3], text: &[u8]) {
        if self.is_resp3() {
            self.header(b'=', text.len() as i64 + 4);
            self.raw(&format);
            self.raw(b":");
            self.raw(text);
            self.end_line();
        } else {
            self.bulk(text);
        }
    }

    /// A type byte, a number and the line end.
    fn header(&mut self, kind: u8, value: i64) {
        if !self.fits(HEADER_BYTES_MAX) {
            return;
        }
        self.out.push(kind);
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Elements of a reply that starts with their number, while that is not known yet.
pub struct Elements {
    /// The elements, encoded.
    out: Vec<u8>,
    /// Number of elements.
    len: usize,
    /// The protocol in use.
    protocol: Protocol,
    /// Maximum number of their bytes.
    bytes_max: usize,
    /// Whether some did not fit.
    is_cut: bool,
}

impl Elements {
    /// No elements yet; they will be part of `reply`.
    pub fn new(reply: &Reply<'_>) -> Self {
        Self {
            out: Vec::new(),
            len: 0,
            protocol: reply.protocol,
            bytes_max: reply.room_bytes(),
            is_cut: reply.is_cut,
        }
    }

    /// Adds the element that `write` writes.
    pub fn add<T>(&mut self, write: impl FnOnce(&mut Reply<'_>) -> T) -> T {
        let room_bytes = if self.is_cut { 0 } else { self.bytes_max.saturating_sub(self.out.len()) };
        let mut reply = Reply::within(&mut self.out, self.protocol, room_bytes);
        let result = write(&mut reply);
        self.is_cut |= reply.is_cut();
        self.len += 1;
        result
    }

    /// Whether some did not fit; then no further one needs to be added.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Replies with the elements as an array.
    pub fn array(self, reply: &mut Reply<'_>) {
        reply.array(self.len);
        self.write(reply);
    }

    /// Replies with the elements as a set.
    pub fn set(self, reply: &mut Reply<'_>) {
        reply.set(self.len);
        self.write(reply);
    }

    /// Writes the elements.
    fn write(self, reply: &mut Reply<'_>) {
        if self.is_cut {
            reply.cut();
        }
        reply.raw(&self.out);
    }
}

/// Replies with bulk strings whose number is not known before: what `walk` hands to its argument, until that returns
/// `false`. `header` starts the reply.
///
/// If the reply streams and there is much, `walk` is called twice, to count and to write. It must do the same each time.
pub fn reply_bulks<'a, E>(
    reply: &mut Reply<'a>,
    header: impl Fn(&mut Reply<'a>, usize),
    mut walk: impl FnMut(&mut dyn FnMut(&[u8]) -> bool) -> Result<(), E>,
) -> Result<(), E> {
    let streams = reply.streams();
    let mut elements = Elements::new(reply);
    if streams {
        elements.bytes_max = COLLECTED_BYTES_MAX;
    }
    let mut len = 0;
    walk(&mut |bytes| {
        len += 1;
        if !elements.is_cut {
            elements.add(|reply| reply.bulk(bytes));
        }
        streams || !elements.is_cut
    })?;
    header(reply, len);
    if streams && elements.is_cut {
        drop(elements);
        return walk(&mut |bytes| {
            reply.bulk(bytes);
            !reply.is_cut()
        });
    }
    elements.write(reply);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(protocol: Protocol, write: impl FnOnce(&mut Reply<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, protocol));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_type_has_its_bytes_in_both_protocols() {
        let all = |reply: &mut Reply<'_>| {
            reply.ok();
            reply.integer(-7);
            reply.bulk(b"a\r\nb");
            reply.null();
            reply.null_array();
            reply.map(1);
            reply.set(1);
            reply.push(1);
            reply.double_text("1.5");
            reply.verbatim(*b"txt", b"hi");
        };
        let resp2 = "+OK\r\n:-7\r\n$4\r\na\r\nb\r\n$-1\r\n*-1\r\n*2\r\n*1\r\n*1\r\n$3\r\n1.5\r\n$2\r\nhi\r\n";
        let resp3 = "+OK\r\n:-7\r\n$4\r\na\r\nb\r\n_\r\n_\r\n%1\r\n~1\r\n>1\r\n,1.5\r\n=6\r\ntxt:hi\r\n";
        assert_eq!(encode(Protocol::Resp2, all), resp2);
        assert_eq!(encode(Protocol::Resp3, all), resp3);
    }

    #[test]
    fn what_does_not_fit_is_left_out_with_all_that_follows() {
        let mut out = b"+before\r\n".to_vec();
        let mut reply = Reply::within(&mut out, Protocol::Resp2, 100);
        reply.array(3);
        reply.bulk(b"fits");
        assert!(!reply.is_cut());
        let whole = reply.len_bytes();
        reply.bulk(&[b'x'; 100]);
        reply.bulk(b"y");
        reply.integer(1);
        reply.null();
        reply.ok();
        assert!(reply.is_cut() && reply.len_bytes() == whole && reply.room_bytes() == 0);
        reply.error("ERR too long");
        assert_eq!(reply.error_since(whole), Some(&b"ERR too long"[..]));
        reply.truncate(9);
        reply.integer(7);
        assert!(!reply.is_cut());
        assert_eq!(out, b"+before\r\n:7\r\n");
    }

    #[test]
    fn a_part_counts_from_the_start_of_the_whole_and_messages_do_not_count() {
        let mut out = b"+before\r\n+part\r\n".to_vec();
        let mut reply = Reply::part(&mut out, 9, Protocol::Resp2, 50);
        assert_eq!((reply.bytes_max(), reply.room_bytes()), (50, 43));
        reply.messages(&[b'm'; 100]);
        assert_eq!((reply.is_cut(), reply.room_bytes()), (false, 43));
        reply.bulk(&[b'x'; 40]);
        reply.messages(b"m");
        assert_eq!((reply.is_cut(), reply.room_bytes()), (true, 0));
    }

    #[test]
    fn no_announced_length_is_believed() {
        let mut out = Vec::new();
        let mut reply = Reply::within(&mut out, Protocol::Resp2, 1 << 20);
        reply.bulk_header(usize::MAX);
        assert!(reply.is_cut());
        assert_eq!(out.capacity(), 0);
    }

    #[test]
    fn what_is_certainly_there_is_reserved_at_once() {
        let len = 3 * BULK_BYTES_RESERVED;
        for (stored, least) in [(0, BULK_BYTES_RESERVED), (len, len), (usize::MAX, len)] {
            let mut out = Vec::new();
            Reply::new(&mut out, Protocol::Resp2).bulk_header_of_stored(len, stored);
            assert!((least..least + 2 * BULK_FRAME_BYTES).contains(&out.capacity()), "{stored} bytes stored");
        }
    }

    #[test]
    fn elements_that_do_not_fit_cut_the_reply() {
        for (count, fits) in [(5, true), (6, false)] {
            let mut out = Vec::new();
            let mut reply = Reply::within(&mut out, Protocol::Resp2, 100);
            let mut elements = Elements::new(&reply);
            (0..count).for_each(|_| elements.add(|reply| reply.bulk(b"0123456789")));
            elements.array(&mut reply);
            assert_eq!(reply.is_cut(), !fits, "{count} elements");
        }
    }

    /// Keeps the pieces, as many as it may.
    struct Pieces(Vec<Vec<u8>>, usize);

    impl Sink for Pieces {
        fn take(&mut self, piece: &mut Vec<u8>) -> bool {
            assert!(piece.len() <= PIECE_BYTES_MAX, "a piece of {} bytes", piece.len());
            self.0.push(std::mem::take(piece));
            self.0.len() < self.1
        }
    }

    /// Streams a reply; returns its bytes, and the number of pieces.
    fn stream(write: impl FnOnce(&mut Reply<'_>)) -> (Vec<u8>, usize) {
        let (mut pieces, mut rest) = (Pieces(Vec::new(), usize::MAX), Vec::new());
        write(&mut Reply::streaming(&mut rest, Protocol::Resp2, &mut pieces, 1000));
        let len = pieces.0.len();
        pieces.0.push(rest);
        (pieces.0.concat(), len)
    }

    #[test]
    fn a_reply_that_streams_has_the_same_bytes_in_pieces() {
        let write = |reply: &mut Reply<'_>| {
            reply.array(3);
            for len in [10, PIECE_BYTES_MAX - 40, 3 * PIECE_BYTES_MAX, 5] {
                reply.bulk(&vec![b'x'; len]);
                reply.bulk_header(len);
                vec![b'y'; len].chunks(1000).for_each(|part| reply.raw(part));
                reply.end_line();
            }
            assert!(!reply.is_cut() && !reply.is_broken());
        };
        let mut whole = Vec::new();
        write(&mut Reply::new(&mut whole, Protocol::Resp2));
        let (bytes, pieces) = stream(write);
        assert!(bytes == whole && pieces >= 8, "{pieces} pieces");
    }

    #[test]
    fn what_was_handed_over_cannot_be_taken_back() {
        stream(|reply| {
            reply.array(2);
            let start = reply.len_bytes();
            reply.bulk(&[b'x'; 100]);
            reply.truncate(start);
            assert!(!reply.is_broken() && !reply.is_cut() && reply.len_bytes() == start);
            reply.bulk(&vec![b'x'; 2 * PIECE_BYTES_MAX]);
            assert!(reply.len_bytes() > start + 2 * PIECE_BYTES_MAX);
            reply.truncate(start);
            assert!(reply.is_broken() && reply.is_cut());
        });
    }

    #[test]
    fn nothing_follows_a_piece_that_is_refused() {
        let (mut pieces, mut rest) = (Pieces(Vec::new(), 1), Vec::new());
        let mut reply = Reply::streaming(&mut rest, Protocol::Resp2, &mut pieces, 1000);
        (0..3).for_each(|_| reply.bulk(&vec![b'x'; PIECE_BYTES_MAX]));
        assert!(reply.is_cut());
        assert_eq!(pieces.0.len(), 1);
    }

    #[test]
    fn many_bulk_strings_are_counted_before_they_are_streamed() {
        for (count, walks) in [(10, 1), (COLLECTED_BYTES_MAX / 1000, 2)] {
            let mut walked = 0;
            let (bytes, _) = stream(|reply| {
                reply_bulks(reply, Reply::array, |take| {
                    walked += 1;
                    (0..count).all(|_| take(&[b'x'; 1000]));
                    Ok::<_, ()>(())
                })
                .unwrap();
            });
            let start = format!("*{count}\r\n");
            assert!(bytes.starts_with(start.as_bytes()), "{count} elements");
            assert_eq!((walked, bytes.len() - start.len()), (walks, count * 1009), "{count} elements");
        }
    }

    #[test]
    fn an_error_text_cannot_forge_a_second_reply() {
        assert_eq!(encode(Protocol::Resp2, |reply| reply.error("ERR a\r\n+OK")), "-ERR a  +OK\r\n");
    }
}
