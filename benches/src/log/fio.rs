//! The same writes by fio.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Figures;
use crate::Outcome;

/// Length of the file: as much as the log's segments have.
const FILE_BYTES: usize = 256 << 20;

/// fio and its file; without fio, nothing.
pub struct Fio {
    /// fio's version; `None` without fio.
    version: Option<String>,
    /// The file that it writes to.
    file: PathBuf,
}

impl Fio {
    /// Fills a file with zeros, durably, if fio is there.
    pub fn prepare(dir: &Path) -> Outcome<Self> {
        let file = dir.join("fio");
        let version = match Command::new("fio").arg("--version").output() {
            Ok(output) => Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(format!("fio cannot be run: {error}").into()),
        };
        if version.is_some() {
            let mut zeros = File::create(&file)?;
            for _ in 0..FILE_BYTES >> 20 {
                zeros.write_all(&[0; 1 << 20])?;
            }
            zeros.sync_all()?;
        }
        Ok(Self { version, file })
    }

    /// Which fio it is.
    pub fn version(&self) -> &str {
        self.version.as_deref().unwrap_or("fio is not there, so there is nothing to compare with")
    }

    /// Writes blocks of one size for some time; nothing without fio.
    pub fn measure(&self, block_bytes: u32, seconds: f64) -> Outcome<Option<Figures>> {
        if self.version.is_none() {
            return Ok(None);
        }
        let output = Command::new("fio")
            .args(["--name=log", "--rw=write", "--ioengine=psync", "--direct=1", "--sync=dsync"])
            .args(["--fallocate=none", "--overwrite=1", "--time_based", "--output-format=json"])
            .args(["--percentile_list=50:99", "--group_reporting"])
            .arg(format!("--filename={}", self.file.display()))
            .arg(format!("--size={FILE_BYTES}"))
            .arg(format!("--bs={block_bytes}"))
            .arg(format!("--runtime={}ms", (seconds * 1e3) as u64))
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let figures = figures(&text);
        figures.map(Some).ok_or_else(|| {
            let complaint = String::from_utf8_lossy(&output.stderr);
            format!("fio: {complaint}{text}").into()
        })
    }
}

/// The figures in fio's report.
fn figures(report: &str) -> Option<Figures> {
    // Other messages may come before the report.
    let report: Value = serde_json::from_str(&report[report.find('{')?..]).ok()?;
    let write = &report["jobs"][0]["write"];
    let percentile = |name: &str| write["clat_ns"]["percentile"][name].as_f64().map(|ns| ns / 1e3);
    Some(Figures {
        bytes_per_s: write["bw_bytes"].as_f64().filter(|bytes| *bytes > 0.0)?,
        p50_us: percentile("50.000000")?,
        p99_us: percentile("99.000000")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_in_a_report() {
        let report = r#"fio: a remark
            {"jobs": [{"write": {"bw_bytes": 4096000, "clat_ns":
                {"percentile": {"50.000000": 1500, "99.000000": 25000}}}}]}"#;
        let found = figures(report).unwrap();
        assert_eq!((found.bytes_per_s, found.p50_us, found.p99_us), (4_096_000.0, 1.5, 25.0));
        assert!(figures("fio: failed").is_none());
    }
}
