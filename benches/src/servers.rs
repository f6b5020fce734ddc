//! The servers that are compared, each as a child process on a data directory of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use tempfile::TempDir;

use crate::Outcome;

/// How long a server may take to answer its first PING, and how long its background work may go on.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Contender {
    /// ackd as it comes.
    #[serde(rename = "ackd")]
    Ackd,
    /// Redis that syncs before it replies.
    #[serde(rename = "redis always")]
    Always,
    /// Redis that syncs each second.
    #[serde(rename = "redis everysec")]
    Everysec,
    /// Redis that writes nothing.
    #[serde(rename = "redis none")]
    None,
    /// Valkey that syncs before it replies.
    #[serde(rename = "valkey always")]
    ValkeyAlways,
    /// Valkey that writes nothing.
    #[serde(rename = "valkey none")]
    ValkeyNone,
}

impl Contender {
    /// All of them, ackd first.
    pub const ALL: [Self; 6] =
        [Self::Ackd, Self::Always, Self::Everysec, Self::None, Self::ValkeyAlways, Self::ValkeyNone];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ackd => "ackd",
            Self::Always => "always",
            Self::Everysec => "everysec",
            Self::None => "none",
            Self::ValkeyAlways => "valkey-always",
            Self::ValkeyNone => "valkey-none",
        }
    }

    /// The name with that of the program.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ackd => "ackd",
            Self::Always => "Redis always",
            Self::Everysec => "Redis everysec",
            Self::None => "Redis none",
            Self::ValkeyAlways => "Valkey always",
            Self::ValkeyNone => "Valkey none",
        }
    }

    /// The program to start.
    fn program(self, programs: &Programs) -> &Path {
        match self {
            Self::Ackd => &programs.ackd,
            Self::Always | Self::Everysec | Self::None => &programs.redis,
            Self::ValkeyAlways | Self::ValkeyNone => &programs.valkey,
        }
    }

    /// Settings other than place and port.
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Ackd => &[],
            Self::Always | Self::ValkeyAlways => {
                &["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
            }
            Self::Everysec => &["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"],
            Self::None | Self::ValkeyNone => &["--save", "", "--appendonly", "no"],
        }
    }
}

/// The servers of a measurement.
#[derive(Debug)]
pub struct Chosen {
    /// Those that are measured, ackd first.
    pub contenders: Vec<Contender>,
    /// Which are not, and why: a sentence for each program that is not installed.
    pub skipped: Vec<String>,
}

/// Where the programs and their data are.
pub struct Programs {
    /// The server ackd.
    pub ackd: PathBuf,
    /// The server Redis.
    pub redis: PathBuf,
    /// The server Valkey, which need not be installed.
    pub valkey: PathBuf,
    /// Directory below which data directories are made.
    pub dir: PathBuf,
}

impl Programs {
    /// ackd and the servers with these names. Valkey is skipped where it is not installed.
    pub fn choose(&self, names: &[String]) -> Outcome<Chosen> {
        let mut contenders = vec![Contender::Ackd];
        for name in names {
            let found = Contender::ALL.into_iter().find(|contender| contender.name() == name);
            contenders.push(found.ok_or_else(|| format!("there is no server {name:?} to measure"))?);
        }
        let is_valkey = |contender: &Contender| contender.program(self) == self.valkey;
        let mut skipped = Vec::new();
        if contenders.iter().any(is_valkey)
            && let Err(error) = version(&self.valkey)
        {
            let names: Vec<_> =
                contenders.extract_if(.., |one| is_valkey(one)).map(Contender::name).collect();
            skipped.push(format!("not measured: {}: {error}", names.join(", ")));
        }
        Ok(Chosen { contenders, skipped })
    }

    /// The versions of the programs of these servers.
    pub fn versions(&self, contenders: &[Contender]) -> Outcome<Vec<String>> {
        let mut programs: Vec<&Path> = contenders.iter().map(|contender| contender.program(self)).collect();
        programs.dedup();
        programs.into_iter().map(version).collect()
    }
}

/// Which programs are started, and where their data goes.
#[derive(Args, Clone, Debug, Serialize)]
pub struct Places {
    /// The server ackd; the one next to this program if not given.
    #[arg(long)]
    ackd: Option<PathBuf>,
    /// The server Redis.
    #[arg(long, default_value = "redis-server")]
    redis: PathBuf,
    /// The server Valkey; it is left out where it is not installed.
    #[arg(long, default_value = "valkey-server")]
    valkey: PathBuf,
    /// Directory below which data directories are made, and removed again.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

impl Places {
    /// The programs that are started.
    pub fn programs(&self) -> Outcome<Programs> {
        let ackd = match &self.ackd {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("ackd"),
        };
        if !ackd.is_file() {
            return Err(format!("{} is not there: cargo build --release", ackd.display()).into());
        }
        Ok(Programs { ackd, redis: self.redis.clone(), valkey: self.valkey.clone(), dir: self.dir.clone() })
    }
}

/// A running server. It is killed, and its data removed, when this is dropped.
pub struct Server {
    /// The process.
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Connection for questions.
    control: BufReader<TcpStream>,
    /// Which server it is.
    pub contender: Contender,
    /// The data directory.
    dir: TempDir,
}

impl Server {
    /// Starts a server on an empty directory and waits until it answers.
    pub fn start(programs: &Programs, contender: Contender) -> Outcome<Self> {
        let dir = tempfile::Builder::new().prefix("ackd-bench-").tempdir_in(&programs.dir)?;
        Self::start_on(programs, contender, dir)
    }

    /// Starts a server on what is in a directory and waits until it answers.
    fn start_on(programs: &Programs, contender: Contender, dir: TempDir) -> Outcome<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let program = contender.program(programs);
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(dir.path());
        command.args(contender.flags());
        // Variables of the environment would change ackd's defaults.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ACKD_")) {
            command.env_remove(name);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        let address = (Ipv4Addr::LOCALHOST, port).into();
        match wait_ready(&mut child, program, address) {
            Ok(control) => Ok(Self { child, address, control, contender, dir }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Kills the server (`SIGKILL`), starts it again on its data, and returns the time from there to its first answer.
    pub fn kill_and_start(mut self, programs: &Programs) -> Outcome<(Self, Duration)> {
        self.child.kill()?;
        self.child.wait()?;
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir_in(&programs.dir)?);
        let (contender, start) = (self.contender, Instant::now());
        Ok((Self::start_on(programs, contender, dir)?, start.elapsed()))
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a snapshot of all keys, as Redis's `SAVE` does.
    pub fn save(&mut self) -> Outcome {
        ask(&mut self.control, &["SAVE"]).map(|_| ())
    }

    /// The server's process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A section of `INFO`.
    pub fn info(&mut self, section: &str) -> Outcome<String> {
        ask(&mut self.control, &["INFO", section])
    }

    /// Waits until no rewrite and no checkpoint is running.
    pub fn settle(&mut self) -> Outcome {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let persistence = self.info("persistence")?;
            let durability = self.info("durability")?;
            if field(&persistence, "aof_rewrite_in_progress").unwrap_or(0) == 0
                && field(&persistence, "rdb_bgsave_in_progress").unwrap_or(0) == 0
                && field(&durability, "checkpoint_in_progress").unwrap_or(0) == 0
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(format!("{} does not come to rest", self.contender.name()).into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A number of an `INFO` text.
pub fn field(info: &str, name: &str) -> Option<u64> {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().parse().ok()
}

/// The version that a program prints.
fn version(program: &Path) -> Outcome<String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Waits for the first answer.
fn wait_ready(child: &mut Child, program: &Path, address: SocketAddr) -> Outcome<BufReader<TcpStream>> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Err(format!("{} ended at its start: {status}", program.display()).into());
        }
        if let Ok(stream) = TcpStream::connect(address) {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            let mut control = BufReader::new(stream);
            if ask(&mut control, &["PING"]).is_ok_and(|reply| reply == "PONG") {
                return Ok(control);
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(format!("{} does not answer", program.display()).into())
}

/// Sends one command and returns its reply, which must be a text.
fn ask(control: &mut BufReader<TcpStream>, words: &[&str]) -> Outcome<String> {
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command += &format!("${}\r\n{word}\r\n", word.len());
    }
    control.get_mut().write_all(command.as_bytes())?;
    let mut line = String::new();
    control.read_line(&mut line)?;
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("+", text)) => Ok(text.to_owned()),
        Some(("$", length)) => {
            let mut text = vec![0; length.parse::<usize>()? + 2];
            control.read_exact(&mut text)?;
            Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
        }
        _ => Err(format!("{} was answered with {line:?}", words[0]).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let info = "# Durability\r\nwal_groups_x:1\r\nwal_groups:42\r\nwal_method:direct\r\n";
        assert_eq!(field(info, "wal_groups"), Some(42));
        assert_eq!(field(info, "wal_method"), None);
        assert_eq!(field(info, "wal"), None);
    }

    #[test]
    fn a_server_that_is_not_installed_is_skipped_by_name() {
        let nowhere = PathBuf::from("/nowhere/valkey-server");
        let [ackd, redis, dir] = ["ackd", "redis-server", "."].map(PathBuf::from);
        let programs = Programs { ackd, redis, valkey: nowhere, dir };
        let names = ["always", "valkey-always", "valkey-none"].map(String::from);
        let chosen = programs.choose(&names).unwrap();
        assert_eq!(chosen.contenders, [Contender::Ackd, Contender::Always]);
        assert_eq!(chosen.skipped.len(), 1);
        let skipped = &chosen.skipped[0];
        assert!(skipped.contains("valkey-always, valkey-none: /nowhere/valkey-server"), "{skipped}");
        assert!(programs.choose(&["valkey".into()]).is_err());
    }
}
