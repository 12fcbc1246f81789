//! The machine the numbers are from, as far as it matters to them: what it is, and
//! how fast its disk takes bytes now.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use anyhow::Result;
use nix::fcntl::OFlag;
use serde_json::{Value, json};

use crate::{
    clock,
    measured::{self, Line},
    numbers::median,
    tools::{Tools, first_line},
};

const MIB: usize = 1 << 20;

/// Its description.
pub struct Machine {
    facts: Vec<(String, String)>,
    commit: String,
    idle: String,
}

impl Machine {
    /// Looks at it. Writes `mib` MiB beside the labs, twice, and removes them.
    pub fn look(tools: &Tools, scratch: &Path, mib: usize) -> Result<Self> {
        let mut facts: Vec<(String, String)> = Vec::new();
        let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
        fact("date", now());
        fact("CPU", format!("{}, {} cores", cpu(), thread::available_parallelism()?));
        fact("memory", format!("{} MiB", kib("MemTotal:") >> 10));
        // What follows the version is somebody's own name for a build.
        let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        fact("kernel", release.trim().split('-').next().unwrap_or_default().to_owned());
        fact("system", os());
        let idle = idle();
        fact("CPU idle before", idle.clone());
        fact("disk", filesystem(scratch));
        let buffered = write_rate(scratch, mib, false)?;
        fact("disk, buffered writes and fsync", format!("{buffered:.0} MiB/s"));
        let direct = write_rate(scratch, mib, true);
        // tmpfs and others have no O_DIRECT.
        let direct = direct.map_or_else(|_| "not possible".to_owned(), |r| format!("{r:.0} MiB/s"));
        fact("disk, direct writes of 1 MiB", direct);
        fact("disk, fdatasync of 4 KiB", format!("{:.2} ms (median of 50)", sync_ms(scratch)?));
        for (name, version) in tools.versions() {
            fact(name, version);
        }
        let mut git = Command::new("git");
        git.args(["describe", "--always", "--dirty"]).current_dir(lab::site::workspace());
        let commit = first_line(&mut git);
        fact("commit", commit.clone());
        let nothing = measured::here(scratch, &Line::new("/bin/true", &[]))?;
        let floor = nothing.measured.peak_kib;
        fact("least memory that can be seen", format!("{floor} KiB (/bin/true)"));
        Ok(Self { facts, commit, idle })
    }

    pub fn text(&self) -> String {
        let rows: Vec<_> =
            self.facts.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
        crate::table::table(&["machine", ""], &rows)
    }

    /// What stands below each heading, as parts may be from different runs.
    pub fn stamp(&self) -> String {
        let (commit, idle) = (&self.commit, &self.idle);
        format!("{}, commit {commit}, {}, {idle} idle before the first part", now(), cpu())
    }

    pub fn json(&self) -> Value {
        let facts = self.facts.iter().map(|(name, value)| (name.clone(), json!(value)));
        Value::Object(facts.collect())
    }
}

fn now() -> String {
    first_line(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M UTC"]))
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, name)| name.trim()).to_owned()
}

fn kib(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn os() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("unknown").trim_matches('"').to_owned()
}

/// Percent of the CPU time of two seconds that nobody wanted. The load of the last
/// minute would be that of building the programs.
fn idle() -> String {
    let idle_and_all = || {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let times = line.split_whitespace().skip(1).filter_map(|word| word.parse::<u64>().ok());
        let times: Vec<u64> = times.collect();
        // proc_stat(5): user, nice, system, idle, iowait, ...
        (times.get(3).copied().unwrap_or(0), times.iter().sum::<u64>())
    };
    let before = idle_and_all();
    thread::sleep(Duration::from_secs(2));
    let after = idle_and_all();
    let share = (after.0 - before.0) as f64 / (after.1 - before.1).max(1) as f64;
    format!("{:.0} %", 100.0 * share)
}

fn filesystem(dir: &Path) -> String {
    let mut df = Command::new("df");
    let out = df.args(["--output=fstype,source"]).arg(dir).output();
    let text = out.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    let line = text.lines().nth(1).unwrap_or("unknown");
    line.split_whitespace().collect::<Vec<_>>().join(" on ")
}

/// MiB a second.
fn write_rate(dir: &Path, mib: usize, direct: bool) -> Result<f64> {
    let path = dir.join("written");
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    if direct {
        options.custom_flags(OFlag::O_DIRECT.bits());
    }
    let written = options.open(&path).and_then(|mut file| {
        // O_DIRECT wants memory that begins at a page.
        let buffer = vec![7_u8; MIB + 4096];
        let from = buffer.as_ptr().align_offset(4096);
        let began = clock::now();
        for _ in 0..mib {
            file.write_all(&buffer[from..from + MIB])?;
        }
        file.sync_all()?;
        Ok(mib as f64 / clock::ms(clock::now() - began) * 1e3)
    });
    fs::remove_file(&path)?;
    Ok(written?)
}

fn sync_ms(dir: &Path) -> Result<f64> {
    let path = dir.join("synced");
    let mut file = File::create(&path)?;
    let mut took = Vec::new();
    for _ in 0..50 {
        let began = clock::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        took.push(clock::ms(clock::now() - began));
    }
    fs::remove_file(&path)?;
    Ok(median(&took).unwrap_or(0.0))
}
