//! Cuts Rust source into words and signs. Comments, strings, characters, lifetimes and what is compiled for tests only
//! are left out.

use std::iter::Peekable;
use std::str::Chars;

/// The tokens of `source`: words, `::`, and single signs.
pub fn tokens(source: &str) -> Vec<String> {
    let (mut rest, mut tokens) = (source.chars().peekable(), Vec::new());
    while let Some(first) = rest.next() {
        match first {
            '/' if rest.peek() == Some(&'/') => rest.by_ref().take_while(|&c| c != '\n').for_each(drop),
            '/' if rest.peek() == Some(&'*') => skip_comment(&mut rest),
            '"' => skip_string(&mut rest),
            '\'' => skip_character_or_lifetime(&mut rest),
            ':' if rest.next_if_eq(&':').is_some() => tokens.push("::".into()),
            _ if is_word(first) => tokens.extend(word(first, &mut rest)),
            _ if first.is_whitespace() => {}
            _ => tokens.push(first.into()),
        }
    }
    without_tests(&tokens)
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The word that begins with `first`; none if it is the prefix of a string, which is skipped.
fn word(first: char, rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut word = String::from(first);
    while let Some(next) = rest.next_if(|&c| is_word(c)) {
        word.push(next);
    }
    match (word.as_str(), rest.peek()) {
        ("r" | "br" | "cr", Some('"' | '#')) => skip_raw(rest),
        ("b" | "c", Some('"')) => {
            rest.next();
            skip_string(rest);
        }
        _ => return Some(word),
    }
    None
}

/// Behind the first sign; comments nest.
fn skip_comment(rest: &mut Peekable<Chars<'_>>) {
    let mut depth = 1;
    rest.next();
    while depth > 0 {
        match rest.next().expect("comments end") {
            '/' if rest.next_if_eq(&'*').is_some() => depth += 1,
            '*' if rest.next_if_eq(&'/').is_some() => depth -= 1,
            _ => {}
        }
    }
}

/// Behind the opening quote.
fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    while let Some(next) = rest.next() {
        match next {
            '\\' => drop(rest.next()),
            '"' => return,
            _ => {}
        }
    }
}

/// Behind the `r`: a raw string, or only the sign of a raw word.
fn skip_raw(rest: &mut Peekable<Chars<'_>>) {
    let signs = std::iter::from_fn(|| rest.next_if_eq(&'#')).count();
    if rest.next_if_eq(&'"').is_none() {
        return;
    }
    while rest.by_ref().any(|c| c == '"') {
        if (0..signs).all(|_| rest.next_if_eq(&'#').is_some()) {
            return;
        }
    }
}

/// Behind the quote.
fn skip_character_or_lifetime(rest: &mut Peekable<Chars<'_>>) {
    match rest.next() {
        Some('\\') => rest.skip(1).take_while(|&c| c != '\'').for_each(drop),
        _ if rest.next_if_eq(&'\'').is_some() => {}
        _ => while rest.next_if(|&c| is_word(c)).is_some() {},
    }
}

/// Leaves out each item behind `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if tokens[at..].starts_with(&["#", "[", "cfg", "(", "test", ")", "]"].map(String::from)) {
            at = item_end(tokens, at + 7);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where the item that starts at `at`, with further attributes, is over.
fn item_end(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 && matches!(tokens[at - 1].as_str(), "}" | ";") {
            break;
        }
    }
    at
}
