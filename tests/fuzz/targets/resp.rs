//! Requests: which commands are found depends on the bytes, not on the pieces in which they arrive.
//!
//! Input: a byte of flags (bit 0: without authentication; bit 1: small words only), a byte that says how the rest is cut,
//! and what a client sends.

use ackd::resp::{Parsed, ProtocolError, RequestLimits, RequestParser};

use super::input::Input;
use super::memory::bounded;

/// Up to this many bytes, every offset is tried as the only cut.
const EVERY_CUT_BYTES_MAX: usize = 48;

/// The commands found, what ended it, and the bytes consumed.
type Found = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>, usize);

pub fn run(bytes: &[u8]) {
    let mut input = Input(bytes);
    let (flags, cut) = (input.byte(), input.byte());
    let limits = RequestLimits {
        bulk_bytes_max: if flags & 2 == 0 { 512 << 20 } else { 100 },
        authenticated: flags & 1 == 0,
    };
    let sent = input.0;
    let whole = arrive([sent], &limits);
    assert!(whole.2 <= sent.len());
    assert_eq!(arrive(sent.chunks(1 + usize::from(cut) % 31), &limits), whole);
    if sent.len() <= EVERY_CUT_BYTES_MAX {
        for place in 1..sent.len() {
            let (front, back) = sent.split_at(place);
            assert_eq!(arrive([front, back], &limits), whole, "cut at {place}");
        }
    }
    encoded_again(&whole.0);
}

/// Parses `pieces` as they arrive.
fn arrive<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, limits: &RequestLimits) -> Found {
    let (mut parser, mut received, mut spans) = (RequestParser::default(), Vec::new(), Vec::new());
    let mut commands: Vec<Vec<Vec<u8>>> = Vec::new();
    for piece in pieces {
        received.extend_from_slice(piece);
        loop {
            let before = parser.consumed();
            match bounded(received.len(), || parser.next(&mut received, &mut spans, limits)) {
                Ok(Parsed::Incomplete) => {
                    assert!(parser.consumed() <= received.len());
                    break;
                }
                Ok(Parsed::Command { first_span }) => {
                    assert!(before < parser.consumed() && parser.consumed() <= received.len());
                    assert!(spans.len() > first_span, "a command has words");
                    commands
                        .push(spans[first_span..].iter().map(|span| span.of(&received).to_vec()).collect());
                    spans.truncate(first_span);
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.starts_with("ERR Protocol error: ") && text.len() < 100, "{text}");
                    return (commands, Some(error), parser.consumed());
                }
            }
        }
    }
    (commands, None, parser.consumed())
}

/// What was found, sent as arrays, is found again.
fn encoded_again(commands: &[Vec<Vec<u8>>]) {
    let mut sent = Vec::new();
    for words in commands {
        sent.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            sent.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            sent.extend_from_slice(word);
            sent.extend_from_slice(b"\r\n");
        }
    }
    let limits = RequestLimits { bulk_bytes_max: 512 << 20, authenticated: true };
    let (again, error, consumed) = arrive([&*sent], &limits);
    assert!(again == commands && error.is_none() && consumed == sent.len());
}
