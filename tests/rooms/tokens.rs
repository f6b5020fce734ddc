//! Splits Rust source into tokens, without comments, strings, characters, and code that is compiled only for tests.

/// The tokens of `source`: words, `::`, and single signs.
pub fn tokens(source: &str) -> Vec<String> {
    let (mut rest, mut tokens) = (source, Vec::new());
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
        let behind = &rest[word..];
        let (len, is_token) = match &rest[..word] {
            "b" | "c" if behind.starts_with('"') => (word + string(behind), false),
            "r" | "br" | "cr" if behind.starts_with(['"', '#']) => (word + raw(behind), false),
            "" if first == '"' => (string(rest), false),
            "" if first == '\'' => (character(rest), false),
            "" if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            "" if rest.starts_with("/*") => (comment(rest), false),
            "" if rest.starts_with("::") => (2, true),
            "" => (first.len_utf8(), !first.is_whitespace()),
            _ => (word, true),
        };
        tokens.extend(is_token.then(|| rest[..len].to_string()));
        rest = &rest[len..];
    }
    without_tests(&tokens)
}

/// The length of a comment, which may hold others.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        match &text.as_bytes()[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
}

/// The length of a string with its quotes.
fn string(text: &str) -> usize {
    let mut at = 1;
    while text.as_bytes()[at] != b'"' {
        at += 1 + usize::from(text.as_bytes()[at] == b'\\');
    }
    at + 1
}

/// The length of a raw string after its prefix, or of the `#` of a raw identifier.
fn raw(text: &str) -> usize {
    let signs = text.len() - text.trim_start_matches('#').len();
    let end = format!("\"{}", &text[..signs]);
    let string = text[signs..].strip_prefix('"').and_then(|string| string.find(&end));
    string.map_or(signs, |len| signs + 1 + len + end.len())
}

/// The length of a character with its quotes, or of the `'` of a lifetime.
fn character(text: &str) -> usize {
    let mut inner = text.char_indices().skip(1);
    match (inner.next(), inner.next(), inner.next()) {
        (Some((_, '\\')), _, Some((at, _))) => at + text[at..].find('\'').expect("characters end") + 1,
        (_, Some((at, '\'')), _) => at + 1,
        _ => 1,
    }
}

/// Leaves out each item after `#[cfg(test)]`.
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
