//! Redis's glob patterns over bytes: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a byte to match literally.
//!
//! Matching is iterative: on a mismatch it goes back only to the last `*`. So the work is at most the product of the
//! lengths of pattern and text, whatever the pattern.

/// Whether the whole of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern_at, mut text_at) = (0, 0);
    // Where to retry after a mismatch: after the last `*`, which then matches one more byte of the text.
    let mut retry: Option<(usize, usize)> = None;
    while text_at < text.len() {
        if pattern.get(pattern_at) == Some(&b'*') {
            pattern_at += 1;
            retry = Some((pattern_at, text_at));
            continue;
        }
        if let Some(next) = match_one(pattern, pattern_at, text[text_at]) {
            (pattern_at, text_at) = (next, text_at + 1);
            continue;
        }
        let Some((behind_star, given)) = retry else {
            return false;
        };
        (pattern_at, text_at) = (behind_star, given + 1);
        retry = Some((behind_star, given + 1));
    }
    pattern[pattern_at..].iter().all(|&byte| byte == b'*')
}

/// The bytes that every match of `pattern` starts with, and the rest of the pattern.
pub fn literal_prefix(pattern: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut prefix = Vec::new();
    let mut at = 0;
    while at < pattern.len() {
        match pattern[at] {
            b'*' | b'?' | b'[' => break,
            b'\\' if at + 1 < pattern.len() => {
                prefix.push(pattern[at + 1]);
                at += 2;
            }
            byte => {
                prefix.push(byte);
                at += 1;
            }
        }
    }
    (prefix, &pattern[at..])
}

/// Matches the one-byte item of `pattern` at `at` against `byte`; returns the index after the item if it matches.
fn match_one(pattern: &[u8], at: usize, byte: u8) -> Option<usize> {
    match *pattern.get(at)? {
        b'?' => Some(at + 1),
        b'[' => match_class(pattern, at + 1, byte),
        b'\\' if at + 1 < pattern.len() => (pattern[at + 1] == byte).then_some(at + 2),
        literal => (literal == byte).then_some(at + 1),
    }
}

/// Matches the class whose first byte after `[` is at `at`; returns the index after its `]` if it matches. A class
/// without `]` ends with the pattern.
fn match_class(pattern: &[u8], mut at: usize, byte: u8) -> Option<usize> {
    let negated = pattern.get(at) == Some(&b'^');
    at += usize::from(negated);
    let mut found = false;
    loop {
        match pattern[at.min(pattern.len())..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', literal, ..] => {
                found |= literal == byte;
                at += 2;
            }
            [start, b'-', end, ..] => {
                found |= (start.min(end)..=start.max(end)).contains(&byte);
                at += 3;
            }
            [literal, ..] => {
                found |= literal == byte;
                at += 1;
            }
        }
    }
    (found != negated).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h*llo*", "hllo", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hallo", false),
            ("[\\]]", "]", true),
            ("[a", "a", true),
            ("[a", "b", false),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("a\\", "a\\", true),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxbxx", false),
            ("a**b", "ab", true),
            ("a*?", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        let pattern = "a*".repeat(500) + "b";
        assert!(!matches(pattern.as_bytes(), &[b'a'; 5000]));
    }

    #[test]
    fn the_literal_prefix_is_what_all_matches_share() {
        let of = |pattern: &'static str| {
            let (prefix, rest) = literal_prefix(pattern.as_bytes());
            (String::from_utf8(prefix).unwrap(), std::str::from_utf8(rest).unwrap())
        };
        assert_eq!(of("user:*"), ("user:".into(), "*"));
        assert_eq!(of("us\\*er?x"), ("us*er".into(), "?x"));
        assert_eq!(of("plain"), ("plain".into(), ""));
        assert_eq!(of("[ab]c"), ("".into(), "[ab]c"));
        assert_eq!(of("tail\\"), ("tail\\".into(), ""));
    }
}
