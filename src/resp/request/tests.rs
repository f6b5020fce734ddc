//! Requests split at every point, in all forms, and with every mistake for which Redis has an error.

use proptest::prelude::*;

use super::*;

const OPEN: RequestLimits = RequestLimits { bulk_bytes_max: 512 << 20, authenticated: true };
const SHUT: RequestLimits = RequestLimits { bulk_bytes_max: 512 << 20, authenticated: false };

type Found = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>, usize);

/// Parses `pieces` as they arrive; returns the commands, the error that ended it, and the number of bytes consumed.
fn arrive<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, limits: &RequestLimits) -> Found {
    let (mut parser, mut input, mut spans) = (RequestParser::default(), Vec::new(), Vec::new());
    let mut commands = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match parser.next(&mut input, &mut spans, limits) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Command { first_span }) => {
                    commands.push(spans[first_span..].iter().map(|span| span.of(&input).to_vec()).collect());
                    spans.truncate(first_span);
                }
                Err(error) => return (commands, Some(error), parser.consumed()),
            }
        }
    }
    (commands, None, parser.consumed())
}

fn whole(input: &[u8]) -> Found {
    arrive([input], &OPEN)
}

fn words(input: &[u8]) -> Vec<Vec<u8>> {
    let (commands, error, consumed) = whole(input);
    assert_eq!((error, consumed), (None, input.len()), "{:?}", input.escape_ascii().to_string());
    assert_eq!(commands.len(), 1);
    commands.into_iter().next().unwrap()
}

fn error(input: &[u8]) -> String {
    whole(input).1.map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn arrays_and_lines_are_commands() {
    assert_eq!(words(b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n"), [&b"GET"[..], b"a\r\nb"]);
    assert_eq!(words(b"*1\r\n$0\r\n\r\n"), [b""]);
    assert_eq!(words(b"  SET  a\tb \r\n"), [b"SET", &b"a"[..], b"b"]);
    assert_eq!(words(b"PING\n"), [b"PING"]);
    assert_eq!(words(b"PI\0NG\n"), [b"PI\0NG"]);
}

#[test]
fn nothing_to_do_is_no_command_and_leaves_nothing_behind() {
    for empty in ["\r\n", "\n", "   \r\n", "*0\r\n", "*-1\r\n", "*-10\r\n"] {
        let (commands, error, _) = whole(format!("{empty}PING\r\n{empty}").as_bytes());
        assert_eq!((commands, error), (vec![vec![b"PING".to_vec()]], None), "{empty:?}");
    }
}

#[test]
fn quotes_and_escapes_of_lines_are_decoded() {
    assert_eq!(words(br#"echo "a\x41\n\t\q\xzz""#.to_vec().with(b"\r\n"))[1], b"aA\n\tqxzz");
    assert_eq!(words(br#"echo "\a\b\\ \"" x"#.to_vec().with(b"\r\n"))[1..], [&b"\x07\x08\\ \""[..], b"x"]);
    assert_eq!(words(b"echo 'a\\'b\\n' \"\"\r\n")[1..], [&b"a'b\\n"[..], b""]);
    assert_eq!(words(b"echo a\"b c\" a\\nb\r\n")[1..], [&b"ab c"[..], b"a\\nb"]);
    for bad in ["\"abc", "set \"a\" \"b", "echo \"a\"b", "echo 'a'b", "'", "echo \"a\\\"", "echo \"\\"] {
        let line = format!("{bad}\r\n");
        assert_eq!(error(line.as_bytes()), "ERR Protocol error: unbalanced quotes in request", "{bad}");
    }
}

trait With {
    fn with(self, tail: &[u8]) -> &'static [u8];
}

impl With for Vec<u8> {
    fn with(mut self, tail: &[u8]) -> &'static [u8] {
        self.extend_from_slice(tail);
        self.leak()
    }
}

#[test]
fn each_mistake_has_the_text_of_redis() {
    let digits = "1".repeat(70_000);
    let cases = [
        ("*x\r\n", "invalid multibulk length"),
        ("*\r\n", "invalid multibulk length"),
        ("*-\r\n", "invalid multibulk length"),
        ("*01\r\n", "invalid multibulk length"),
        ("*+1\r\n", "invalid multibulk length"),
        ("* 1\r\n", "invalid multibulk length"),
        ("*1 \r\n", "invalid multibulk length"),
        ("*1\n", "invalid multibulk length"),
        ("*1\rx", "invalid multibulk length"),
        ("*1048577\r\n", "invalid multibulk length"),
        ("*99999999999999999999999\r\n", "invalid multibulk length"),
        (&format!("*{digits}"), "too big mbulk count string"),
        ("*1\r\n+PING\r\n", "expected '$', got '+'"),
        ("*1\r\n$x\r\n", "invalid bulk length"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
        ("*1\r\n$18446744073709551617\r\n", "invalid bulk length"),
        (&format!("*1\r\n${digits}"), "too big bulk count string"),
        ("*1\r\n$4\r\nPINGxx", "expected CRLF after bulk string"),
        ("*1\r\n$4\r\nPING\rx", "expected CRLF after bulk string"),
        (&"A".repeat(70_000), "too big inline request"),
    ];
    for (input, text) in cases {
        let shown = &input[..input.len().min(40)];
        assert_eq!(error(input.as_bytes()), format!("ERR Protocol error: {text}"), "{shown:?}");
    }
}

#[test]
fn limits_are_exact() {
    assert_eq!(error(b"*1048576\r\n"), "");
    assert_eq!(error(b"*1\r\n$536870912\r\n"), "");
    let line = |spaces: usize| [b"PING", &*vec![b' '; spaces], b"\r\n"].concat();
    assert_eq!(error(&line(64 * 1024 - 6)), "");
    assert_eq!(error(&line(64 * 1024 - 5)), "ERR Protocol error: too big inline request");

    let shut = |input: &[u8]| arrive([input], &SHUT).1;
    assert_eq!(shut(b"*10\r\n$16384\r\n"), None);
    assert_eq!(shut(b"*11\r\n"), Some(ProtocolError::UnauthenticatedWordCount));
    assert_eq!(shut(b"*2\r\n$16385\r\n"), Some(ProtocolError::UnauthenticatedBulkLength));
}

#[test]
fn commands_before_a_mistake_are_found() {
    let (commands, error, consumed) = whole(b"*1\r\n$4\r\nPING\r\n*1\r\n$x\r\n");
    assert_eq!((commands.len(), error, consumed), (1, Some(ProtocolError::BulkLength), 14));
}

#[test]
fn what_is_announced_costs_no_memory() {
    let (mut parser, mut spans) = (RequestParser::default(), Vec::new());
    let mut input = b"*1000000\r\n$500000000\r\nab".to_vec();
    assert_eq!(parser.next(&mut input, &mut spans, &OPEN), Ok(Parsed::Incomplete));
    assert_eq!(spans.capacity(), 0);
    assert_eq!(parser.missing_bytes(input.len()), 500_000_000);
}

#[test]
fn a_rewound_parser_starts_the_command_again() {
    let mut input = b"PING\r\n*2\r\n$3\r\nGET\r\n$3\r\na".to_vec();
    let (mut parser, mut spans) = (RequestParser::default(), Vec::new());
    assert_eq!(parser.next(&mut input, &mut spans, &OPEN), Ok(Parsed::Command { first_span: 0 }));
    assert_eq!(parser.next(&mut input, &mut spans, &OPEN), Ok(Parsed::Incomplete));
    assert_eq!((parser.consumed(), spans.len()), (6, 2));
    input.drain(..parser.consumed());
    parser.rewind(&mut spans);
    assert_eq!(spans.len(), 1);
    input.extend_from_slice(b"bc\r\n");
    assert_eq!(parser.next(&mut input, &mut spans, &OPEN), Ok(Parsed::Command { first_span: 1 }));
    assert_eq!(spans[2].of(&input), b"abc");
}

#[test]
fn a_large_word_in_small_pieces_is_looked_at_once() {
    // Quadratic work would take minutes here.
    let mut input = format!("*2\r\n$3\r\nGET\r\n${}\r\n", 64 << 20).into_bytes();
    let (mut parser, mut spans) = (RequestParser::default(), Vec::new());
    let start = input.len();
    input.resize(start + (64 << 20) + 2, b'x');
    for end in (start..input.len() - 2).step_by(1000) {
        assert_eq!(parser.next(&mut input[..end], &mut spans, &OPEN), Ok(Parsed::Incomplete));
    }
    let end = input.len();
    input[end - 2..].copy_from_slice(b"\r\n");
    assert_eq!(parser.next(&mut input, &mut spans, &OPEN), Ok(Parsed::Command { first_span: 0 }));
}

/// Some bytes of a client: commands of both kinds, with mistakes in between.
fn traffic() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..20),
        Just(b"GET".to_vec()),
        Just(b"\r\n$3\r\n".to_vec())
    ];
    let array = proptest::collection::vec(word, 0..5).prop_map(|words| encode(&words));
    let line = "[ -~]{0,30}\r?\n".prop_map(String::into_bytes);
    let noise = proptest::collection::vec(
        prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), any::<u8>()],
        0..8,
    );
    proptest::collection::vec(prop_oneof![6 => array, 3 => line, 1 => noise], 0..6)
        .prop_map(|parts| parts.concat())
}

fn encode(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

proptest! {
    #[test]
    fn every_split_gives_the_same_commands(input in traffic(), cut in 1usize..7) {
        let expected = whole(&input);
        for at in 0..=input.len() {
            let (head, tail) = input.split_at(at);
            prop_assert_eq!(&arrive([head, tail], &OPEN), &expected, "cut at {}", at);
        }
        prop_assert_eq!(&arrive(input.chunks(cut), &OPEN), &expected);
    }

    #[test]
    fn what_was_encoded_is_found(commands in proptest::collection::vec(
        proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..6), 0..5)) {
        let input = commands.iter().map(|words| encode(words)).collect::<Vec<_>>().concat();
        prop_assert_eq!(whole(&input), (commands, None, input.len()));
    }

    #[test]
    fn no_bytes_make_it_panic(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (_, _, consumed) = whole(&input);
        prop_assert!(consumed <= input.len());
    }
}
