//! The documentation is consistent with the repository: links work, directives exist, and each test is listed.

use std::fs;
use std::path::{Path, PathBuf};

use ackd::config::Known;

/// The largest number of lines of the README: it is one page.
const README_LINES_MAX: usize = 149;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of what is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The README and the pages of `docs`.
fn pages() -> Vec<PathBuf> {
    let folder = root().join("docs");
    let docs = names(&folder).into_iter().filter(|name| name.ends_with(".md")).map(|name| folder.join(name));
    [root().join("README.md")].into_iter().chain(docs).collect()
}

/// The text between each `open` and the next `close`.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).filter_map(move |rest| rest.split_once(close)).map(|(inner, _)| inner)
}

/// The heading's name in a link, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c => (c.is_alphanumeric() || matches!(c, '-' | '_')).then(|| c.to_ascii_lowercase()),
    });
    kept.collect()
}

#[test]
fn links_lead_to_files_and_headings_that_exist() {
    let mut broken = Vec::new();
    for page in pages() {
        let text_of_page = text(&page);
        let links = between(&text_of_page, "](", ")").filter(|link| !link.contains("://"));
        for link in links {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            let leads = target.exists()
                && (heading.is_empty()
                    || text(&target).lines().any(|line| line.starts_with('#') && anchor(line) == heading));
            if !leads {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn directives_in_the_page_about_the_configuration_exist() {
    let page = text(&root().join("docs/configuration.md"));
    let is_name = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let (prose, tables): (Vec<_>, Vec<_>) = page.lines().partition(|line| !line.starts_with('|'));
    // In prose, other words are quoted as well; those with a hyphen inside are directives.
    let prose = prose.join("\n");
    let in_prose =
        between_ticks(&prose).filter(|word| word.trim_matches('-').contains('-') && !word.starts_with('-'));
    let in_tables = tables.iter().flat_map(|row| between_ticks(row.split('|').nth(1).unwrap()));
    let named: Vec<_> = in_prose.chain(in_tables).filter(is_name).collect();
    assert!(named.len() > 20, "{named:?}");
    let unknown: Vec<_> = named.iter().filter(|name| Known::find(name.as_bytes()).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// What is quoted as code.
fn between_ticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_readme_is_one_page() {
    let lines = text(&root().join("README.md")).lines().count();
    assert!(lines <= README_LINES_MAX, "{lines} lines");
}

#[test]
fn each_test_is_listed() {
    let page = text(&root().join("docs/testing.md"));
    let quoted: Vec<_> = between_ticks(&page).collect();
    let is_listed = |name: &String| {
        page.contains(&format!("tests/{name}")) || quoted.iter().any(|quoted| *quoted == name)
    };
    let missing: Vec<_> = names(&root().join("tests")).into_iter().filter(|name| !is_listed(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
