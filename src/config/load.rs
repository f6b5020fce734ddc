//! Combines the file, the environment and the flags; the later of these override the earlier.
//!
//! Nothing here reads the process's own environment or arguments: the caller passes them, so that a test can choose
//! them. An error gives the file and the number of a refused line but never its text: it may hold a password.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::lines::{self, Word};
use super::{Config, Known, Problem, expand, shown_name};

/// Prefix of the names of environment variables.
const ENVIRONMENT_PREFIX: &str = "ACKD_";
/// Maximum depth of includes.
const INCLUDE_DEPTH_MAX: usize = 16;
/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Where a value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// It was not set.
    #[default]
    Default,
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A line of standard input.
    StandardInput {
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// The command line.
    Flag,
    /// `CONFIG SET`.
    Runtime,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::StandardInput { line } => write!(f, "standard input:{line}"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag => f.write_str("command line"),
            Origin::Runtime => f.write_str("CONFIG SET"),
        }
    }
}

/// All sources of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// The content of standard input, if it was asked for; counts as the end of the file.
    pub standard_input: Option<Vec<u8>>,
    /// All variables of the environment.
    pub environment: Vec<(String, Word)>,
    /// Directives of the command line with their words, in order.
    pub flags: Vec<(Word, Vec<Word>)>,
}

/// The configuration to start with, and where it comes from.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Where the values that are not defaults come from, by directive.
    pub origins: BTreeMap<&'static str, Origin>,
    /// The configuration file, as an absolute path.
    pub file: Option<PathBuf>,
    /// Warnings for the operator, in order.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// Where the value of directive `name` comes from.
    pub fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).cloned().unwrap_or_default()
    }
}

/// Why there is no configuration to start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A source has an error.
    #[error("{origin}: {reason}")]
    Said {
        /// The place of the error.
        origin: Origin,
        /// What is wrong.
        reason: String,
    },
}

/// Combines all sources.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut loader = Loader::default();
    if let Some(path) = &sources.file {
        let path =
            std::path::absolute(path).map_err(|source| ConfigError::Io { path: path.clone(), source })?;
        loader.file(&path, 0, None)?;
        loader.loaded.file = Some(path);
    }
    if let Some(text) = &sources.standard_input {
        loader.lines(text, &|line| Origin::StandardInput { line }, 0)?;
    }
    for (name, value) in &sources.environment {
        loader.variable(name, value)?;
    }
    for (name, words) in &sources.flags {
        loader.apply(name, words, Origin::Flag)?;
    }
    Ok(loader.loaded)
}

/// The values of one file and its includes, without other sources.
pub(super) fn load_file(path: &Path) -> Result<Config, ConfigError> {
    let mut loader = Loader::default();
    loader.file(path, 0, None)?;
    Ok(loader.loaded.config)
}

/// The values of a file with the content `text`.
pub(super) fn load_text(path: &Path, text: &[u8]) -> Result<Config, ConfigError> {
    let mut loader = Loader::default();
    loader.lines(text, &|line| Origin::File { path: path.to_path_buf(), line }, 0)?;
    Ok(loader.loaded.config)
}

/// Combines the sources step by step.
#[derive(Default)]
struct Loader {
    /// The result so far.
    loaded: Loaded,
}

impl Loader {
    /// Applies all lines of a file. It is nested in `depth` files, and was included by the line `from`.
    fn file(&mut self, path: &Path, depth: usize, from: Option<&Origin>) -> Result<(), ConfigError> {
        let bytes = read(path).map_err(|source| match from {
            None => ConfigError::Io { path: path.to_path_buf(), source },
            Some(origin) => said(origin, format!("include: {}: {source}", path.display())),
        })?;
        self.lines(&bytes, &|line| Origin::File { path: path.to_path_buf(), line }, depth)
    }

    /// Applies the lines of `bytes`; `origin` turns a line number into its origin.
    fn lines(
        &mut self,
        bytes: &[u8],
        origin: &dyn Fn(usize) -> Origin,
        depth: usize,
    ) -> Result<(), ConfigError> {
        let bytes = bytes.strip_prefix(lines::MARK).unwrap_or(bytes);
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let origin = origin(index + 1);
            let words = lines::split(line).map_err(|error| said(&origin, error.to_string()))?;
            match words.split_first() {
                None => {}
                Some((name, words)) if name.eq_ignore_ascii_case(b"include") => {
                    self.include(words, &origin, depth)?
                }
                Some((name, words)) => self.apply(name, words, origin)?,
            }
        }
        Ok(())
    }

    /// Applies the files of an `include` line: a path, or a pattern for paths.
    fn include(&mut self, words: &[Word], origin: &Origin, depth: usize) -> Result<(), ConfigError> {
        let [pattern] = words else {
            return Err(said(origin, "include: wrong number of arguments".into()));
        };
        if depth + 1 >= INCLUDE_DEPTH_MAX {
            return Err(said(
                origin,
                format!("include: more than {INCLUDE_DEPTH_MAX} files include each other"),
            ));
        }
        let paths = expand::expand(pattern)
            .map_err(|(path, source)| said(origin, format!("include: {}: {source}", path.display())))?;
        for path in paths {
            self.file(&path, depth + 1, Some(origin))?;
        }
        Ok(())
    }

    /// Applies a variable of the environment if its name is one of ours.
    fn variable(&mut self, variable: &str, value: &[u8]) -> Result<(), ConfigError> {
        let Some(name) = variable.strip_prefix(ENVIRONMENT_PREFIX) else { return Ok(()) };
        let name = name.to_ascii_lowercase().replace('_', "-");
        // Container platforms set such variables for a service named "ackd".
        if value.starts_with(b"tcp://") || name.starts_with("service-") || name.starts_with("port-") {
            self.loaded
                .warnings
                .push(format!("environment {variable}: looks set by a container platform; ignored"));
            return Ok(());
        }
        let origin = Origin::Environment(variable.to_string());
        let words = match Known::find(name.as_bytes()) {
            Some(Known::Own(row)) if matches!(row.kind, super::Kind::Words) => {
                lines::split(value).map_err(|error| said(&origin, error.to_string()))?
            }
            _ => vec![value.to_vec()],
        };
        self.apply(name.as_bytes(), &words, origin)
    }

    /// Applies one directive.
    fn apply(&mut self, name: &[u8], words: &[Word], origin: Origin) -> Result<(), ConfigError> {
        if words.is_empty() {
            return Err(said(&origin, format!("{}: a value is missing", shown_name(name))));
        }
        match self.loaded.config.apply(name, words) {
            Ok(warning) => {
                self.loaded.warnings.extend(warning.map(|text| format!("{origin}: {text}")));
                if let Some(known) = Known::find(name) {
                    self.loaded.origins.insert(known.name(), origin);
                }
                Ok(())
            }
            Err(problem) => Err(said(&origin, hint(&problem, words))),
        }
    }
}

/// What is wrong; with a hint if a comment follows a value, which is not allowed.
fn hint(problem: &Problem, words: &[Word]) -> String {
    match problem {
        Problem::Value { .. } if words.iter().any(|word| word.starts_with(b"#")) => {
            format!("{problem} (a comment needs a line of its own)")
        }
        _ => problem.to_string(),
    }
}

/// The error for a mistake at `origin`.
fn said(origin: &Origin, reason: String) -> ConfigError {
    ConfigError::Said { origin: origin.clone(), reason }
}

/// Reads a file, unless it is unreasonably long.
pub(super) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Error, ErrorKind, Read};
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(Error::new(ErrorKind::InvalidData, "too long for a configuration file"));
    }
    Ok(bytes)
}
