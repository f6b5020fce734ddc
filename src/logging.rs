//! The event log: to standard error or a file, in a format for people or for machines.
//!
//! Fields are structured (`tracing`), so each format shows the same facts. No field ever holds a password or a value of
//! the data; texts that come from clients are escaped, so that nobody can forge a line.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt as layer, reload};

use crate::config::{Config, LogFormat, LogLevel};
use crate::owner;

/// Why logging cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The file cannot be opened.
    #[error("logfile {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It is set up already.
    #[error("logging is set up already")]
    Twice,
}

/// Changes the log while the server runs.
#[derive(Clone)]
pub struct LogHandle {
    /// The filter by level.
    filter: reload::Handle<LevelFilter, Registry>,
    /// The format of its lines.
    shape: LogFormat,
    /// The file and its path, if the log goes to one.
    file: Option<(Arc<Mutex<File>>, PathBuf)>,
}

impl LogHandle {
    /// From now on, logs `level` and more severe ones.
    pub fn set_level(&self, level: LogLevel) {
        // Fails only if the subscriber is gone, and then nothing is logged anyway.
        let _ = self.filter.reload(filter(level));
    }

    /// The format of its lines.
    pub fn shape(&self) -> LogFormat {
        self.shape
    }

    /// Opens the log file again, after it was moved away to be archived. On failure the old one is kept.
    pub fn reopen(&self) -> Result<(), LoggingError> {
        if let Some((file, path)) = &self.file {
            let opened = open(path)?;
            *file.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = opened;
        }
        Ok(())
    }
}

/// Sets up the log of the process as the configuration says.
pub fn init(config: &Config) -> Result<LogHandle, LoggingError> {
    let file = match &config.log_file {
        None => None,
        Some(path) => Some((Arc::new(Mutex::new(open(path)?)), path.clone())),
    };
    let output = match &file {
        None => Output::Standard,
        Some((file, _)) => Output::File(file.clone()),
    };
    let is_terminal = file.is_none() && io::stderr().is_terminal();
    let shape = match config.log_format {
        LogFormat::Auto if is_terminal => LogFormat::Text,
        LogFormat::Auto => LogFormat::Logfmt,
        chosen => chosen,
    };
    let format = Format {
        shape,
        colours: is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    let (filter, handle) = reload::Layer::new(filter(config.log_level));
    let events = layer::layer().event_format(format).with_writer(output);
    tracing_subscriber::registry().with(filter).with(events).try_init().map_err(|_| LoggingError::Twice)?;
    Ok(LogHandle { filter: handle, shape, file })
}

/// Opens the file to append to it.
fn open(path: &Path) -> Result<File, LoggingError> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o640).open(path);
    opened
        .and_then(|file| owner::pass_on(path).map(|()| file))
        .map_err(|source| LoggingError::Open { path: path.to_path_buf(), source })
}

/// The filter for a level of Redis: `verbose` is debug, `debug` is trace.
fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}

/// The name of a level in `loglevel`.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::TRACE => "debug",
        Level::DEBUG => "verbose",
        Level::INFO => "notice",
        Level::WARN => "warning",
        Level::ERROR => "error",
    }
}

/// Where lines go.
enum Output {
    /// Standard error.
    Standard,
    /// A file.
    File(Arc<Mutex<File>>),
}

/// The destination of one line.
enum Line<'a> {
    /// To standard error.
    Standard(io::Stderr),
    /// To a file.
    File(MutexGuard<'a, File>),
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        match self {
            Output::Standard => Line::Standard(io::stderr()),
            Output::File(file) => Line::File(file.lock().unwrap_or_else(|poisoned| poisoned.into_inner())),
        }
    }
}

impl io::Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Line::Standard(stream) => stream.write(bytes),
            Line::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes an event as one line.
struct Format {
    /// The format; never [`LogFormat::Auto`].
    shape: LogFormat,
    /// Whether levels are coloured.
    colours: bool,
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut facts = Facts::default();
        event.record(&mut facts);
        let level = *event.metadata().level();
        let time = timestamp(SystemTime::now());
        match self.shape {
            LogFormat::Json => write_json(&mut line, &time, level, &facts),
            LogFormat::Logfmt => write_logfmt(&mut line, &time, level, &facts),
            LogFormat::Text | LogFormat::Auto => write_text(&mut line, &time, level, &facts, self.colours),
        }
    }
}

/// The content of an event.
#[derive(Default)]
struct Facts {
    /// The sentence.
    message: String,
    /// Names and values, in order; text is kept apart from numbers.
    fields: Vec<(&'static str, Fact)>,
}

/// One value.
enum Fact {
    /// A number or a boolean, as it is written.
    Plain(String),
    /// Anything else.
    Text(String),
}

impl Facts {
    /// Adds one value.
    fn push(&mut self, field: &Field, fact: Fact) {
        match (field.name(), fact) {
            ("message", Fact::Plain(text) | Fact::Text(text)) => self.message = text,
            (name, fact) => self.fields.push((name, fact)),
        }
    }
}

impl Visit for Facts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, Fact::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Fact::Text(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, Fact::Plain(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, Fact::Plain(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let fact = if value.is_finite() { Fact::Plain } else { Fact::Text };
        self.push(field, fact(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Fact::Plain(value.to_string()));
    }
}

/// `time level message key=value ...`, for people.
fn write_text(
    line: &mut dyn fmt::Write,
    time: &str,
    level: Level,
    facts: &Facts,
    colours: bool,
) -> fmt::Result {
    let colour = match level {
        Level::ERROR => "31",
        Level::WARN => "33",
        Level::INFO => "32",
        _ => "2",
    };
    let name = level_name(level);
    if colours {
        write!(line, "\x1b[2m{time}\x1b[0m \x1b[{colour}m{name:<7}\x1b[0m {}", Clean(&facts.message))?;
    } else {
        write!(line, "{time} {name:<7} {}", Clean(&facts.message))?;
    }
    write_pairs(line, &facts.fields)?;
    writeln!(line)
}

/// `time=... level=... msg=... key=value ...`.
fn write_logfmt(line: &mut dyn fmt::Write, time: &str, level: Level, facts: &Facts) -> fmt::Result {
    write!(line, "time={time} level={} msg=", level_name(level))?;
    write_value(line, &facts.message)?;
    write_pairs(line, &facts.fields)?;
    writeln!(line)
}

/// ` key=value` for each field.
fn write_pairs(line: &mut dyn fmt::Write, fields: &[(&'static str, Fact)]) -> fmt::Result {
    for (name, fact) in fields {
        write!(line, " {name}=")?;
        match fact {
            Fact::Plain(text) | Fact::Text(text) => write_value(line, text)?,
        }
    }
    Ok(())
}

/// A value as it is, or quoted and escaped if necessary.
fn write_value(line: &mut dyn fmt::Write, text: &str) -> fmt::Result {
    let plain = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '"' | '=' | '\\');
    if !text.is_empty() && text.chars().all(plain) { line.write_str(text) } else { write_quoted(line, text) }
}

/// One JSON object.
fn write_json(line: &mut dyn fmt::Write, time: &str, level: Level, facts: &Facts) -> fmt::Result {
    write!(line, "{{\"time\":\"{time}\",\"level\":\"{}\",\"msg\":", level_name(level))?;
    write_quoted(line, &facts.message)?;
    for (name, fact) in &facts.fields {
        write!(line, ",\"{name}\":")?;
        match fact {
            Fact::Plain(text) => line.write_str(text)?,
            Fact::Text(text) => write_quoted(line, text)?,
        }
    }
    line.write_str("}\n")
}

/// A text in double quotes, escaped as in JSON.
fn write_quoted(line: &mut dyn fmt::Write, text: &str) -> fmt::Result {
    line.write_char('"')?;
    for letter in text.chars() {
        match letter {
            '"' => line.write_str("\\\"")?,
            '\\' => line.write_str("\\\\")?,
            '\n' => line.write_str("\\n")?,
            '\r' => line.write_str("\\r")?,
            '\t' => line.write_str("\\t")?,
            control if control.is_control() => write!(line, "\\u{:04x}", control as u32)?,
            other => line.write_char(other)?,
        }
    }
    line.write_char('"')
}

/// A text whose control characters are made harmless, so that they cannot forge a line or control a terminal.
pub struct Clean<'a>(pub &'a str);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            control if control.is_control() => write!(f, "{}", control.escape_default()),
            other => fmt::Write::write_char(f, other),
        })
    }
}

/// A time as `2026-11-22T06:44:25.758Z`.
fn timestamp(time: SystemTime) -> String {
    format!("{:.3}", Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            message: "bad\nline".into(),
            fields: vec![
                ("port", Fact::Plain("6379".into())),
                ("peer", Fact::Text("a \"b\"".into())),
                ("dir", Fact::Text("/data".into())),
            ],
        }
    }

    fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
        let mut line = String::new();
        write(&mut line).unwrap();
        line
    }

    #[test]
    fn each_format_shows_the_same_facts_on_one_line() {
        let facts = facts();
        assert_eq!(
            written(|line| write_text(line, "T", Level::INFO, &facts, false)),
            "T notice  bad\\nline port=6379 peer=\"a \\\"b\\\"\" dir=/data\n"
        );
        assert_eq!(
            written(|line| write_logfmt(line, "T", Level::WARN, &facts)),
            "time=T level=warning msg=\"bad\\nline\" port=6379 peer=\"a \\\"b\\\"\" dir=/data\n"
        );
        assert_eq!(
            written(|line| write_json(line, "T", Level::ERROR, &facts)),
            "{\"time\":\"T\",\"level\":\"error\",\"msg\":\"bad\\nline\",\"port\":6379,\"peer\":\"a \\\"b\\\"\",\"dir\":\"/data\"}\n"
        );
    }

    #[test]
    fn times_are_utc_dates() {
        let after = |duration| timestamp(SystemTime::UNIX_EPOCH + duration);
        let at = |millis| after(std::time::Duration::from_millis(millis));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(1_709_251_199_999), "2024-02-29T23:59:59.999Z");
        assert_eq!(at(1_709_251_200_000), "2024-03-01T00:00:00.000Z");
        assert_eq!(at(1_798_761_599_000), "2026-12-31T23:59:59.000Z");
        assert_eq!(
            after(std::time::Duration::from_micros(999_999)),
            "1970-01-01T00:00:00.999Z",
            "not rounded up"
        );
    }
}
