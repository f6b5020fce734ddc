//! The references of one file to others: its modules, its imports, and the paths in its code.

use super::tokens::tokens;

/// A path, in segments.
pub type Path = Vec<String>;

/// One name that a `use` brings in.
pub struct Import {
    pub path: Path,
    /// What it is called here.
    pub name: String,
    /// Whether other modules may import it from here.
    pub exported: bool,
}

/// The references of one file.
#[derive(Default)]
pub struct Said {
    pub modules: Vec<String>,
    pub imports: Vec<Import>,
    /// Paths of two segments or more, and single words, outside of imports.
    pub paths: Vec<Path>,
}

/// Reads the source of a file.
pub fn read(source: &str) -> Said {
    let (tokens, mut said, mut at) = (tokens(source), Said::default(), 0);
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    while at < tokens.len() {
        let before = |back: usize| at.checked_sub(back).map_or("", token);
        match token(at) {
            "use" if token(at + 1) != "<" => {
                let exported = matches!(before(1), "pub" | ")");
                at = import(&tokens, at + 1, &[], exported, &mut said.imports);
            }
            "mod" if token(at + 2) == ";" => {
                said.modules.push(token(at + 1).into());
                at += 3;
            }
            word if is_word(word) => {
                let is_member = before(1) == "." && before(2) != ".";
                // `pub(in path)` says who may know this, not whom this knows.
                let is_visibility = before(1) == "in" && before(2) == "(" && before(3) == "pub";
                let mut path = vec![word.to_string()];
                while token(at + 1) == "::" && is_word(token(at + 2)) {
                    path.push(token(at + 2).into());
                    at += 2;
                }
                said.paths.extend((!is_member && !is_visibility).then_some(path));
                at += 1;
            }
            _ => at += 1,
        }
    }
    said
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c == '_' || c.is_alphabetic())
}

/// Reads one branch of a `use` that starts at `at`, below `stem`; returns where it ends.
fn import(
    tokens: &[String],
    mut at: usize,
    stem: &[String],
    exported: bool,
    found: &mut Vec<Import>,
) -> usize {
    let mut path = stem.to_vec();
    loop {
        match tokens[at].as_str() {
            "::" => {}
            "{" => {
                while tokens[at] != "}" {
                    at += 1;
                    if tokens[at] != "}" {
                        at = import(tokens, at, &path, exported, found);
                    }
                }
                return at + 1;
            }
            "as" => {
                let name = tokens[at + 1].clone();
                found.push(Import { path, name, exported });
                return at + 2;
            }
            "self" if !path.is_empty() => {}
            "," | "}" | ";" => {
                let name = path.last().expect("a use has a path").clone();
                found.push(Import { path, name, exported });
                return at;
            }
            segment => path.push(segment.into()),
        }
        at += 1;
    }
}
