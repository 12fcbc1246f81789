//! Runs one command line and tells what it took. A small process of its own stands
//! in between ([`serve`]), as the kernel counts CPU time and peak memory of the
//! children of a process, all together.

use std::{
    env,
    fs::{self, File},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use lab::Master;
use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        time::TimeVal,
    },
    unistd::getgid,
};
use serde::{Deserialize, Serialize};

use crate::clock;

/// The first argument that makes this program the one in between.
pub const ROLE: &str = "measured";

/// What has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A command line to measure.
#[derive(Clone, Debug)]
pub struct Line {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// Where its stdout goes; a file that is read afterwards when nothing is said.
    pub stdout: Option<PathBuf>,
}

impl Line {
    pub fn new(program: impl Into<PathBuf>, args: &[&str]) -> Self {
        let args = args.iter().map(|&word| word.to_owned()).collect();
        Self { program: program.into(), args, stdout: None }
    }

    /// With its stdout thrown away.
    pub fn silent(mut self) -> Self {
        self.stdout = Some("/dev/null".into());
        self
    }
}

/// What it took: times by [`clock`], CPU of the command and of all its children, and
/// the peak memory of the largest of these processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    pub started_ns: u64,
    pub ended_ns: u64,
    pub cpu_ms: f64,
    pub peak_kib: u64,
    pub code: Option<i32>,
    pub signal: Option<i32>,
}

impl Measured {
    pub fn wall_ms(&self) -> f64 {
        clock::ms(self.ended_ns - self.started_ns)
    }

    /// `exit 0`, `signal 9`.
    pub fn ended(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "did not start".to_owned(),
        }
    }
}

/// A command that was run to its end.
#[derive(Clone, Debug)]
pub struct Ran {
    pub measured: Measured,
    pub stdout: String,
    pub stderr: String,
}

/// Runs it inside a master.
pub fn inside(master: &Master, scratch: &Path, line: &Line) -> Result<Ran> {
    run(master.command(env::current_exe()?), scratch, line)
}

/// Runs it on the machine.
pub fn here(scratch: &Path, line: &Line) -> Result<Ran> {
    run(Command::new(env::current_exe()?), scratch, line)
}

fn run(mut launch: Command, scratch: &Path, line: &Line) -> Result<Ran> {
    let file = |name: &str| scratch.join(format!("measured.{name}"));
    let (record, err) = (file("json"), file("err"));
    let out = line.stdout.clone().unwrap_or_else(|| file("out"));
    launch.arg(ROLE).args([&record, &out, &err, &line.program]).args(&line.args);
    let mut child = launch.stdin(Stdio::null()).spawn().context("starting a measured command")?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("{} did not end within {PATIENCE:?}", line.program.display());
        }
        thread::sleep(Duration::from_millis(1));
    };
    ensure!(status.success(), "{} could not be measured", line.program.display());
    let text = |path: &Path| -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
    };
    Ok(Ran {
        measured: serde_json::from_slice(&fs::read(&record)?)?,
        stdout: if line.stdout.is_none() { text(&out)? } else { String::new() },
        stderr: text(&err)?,
    })
}

/// The process in between: RECORD OUT ERR PROGRAM ARGS…
pub fn serve(words: &[String]) -> Result<()> {
    let [record, out, err, program, args @ ..] = words else {
        bail!("{ROLE} wants RECORD OUT ERR PROGRAM ARGS");
    };
    let started_ns = clock::now();
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    // The kernel counts the memory of a child from before it became the command. With a
    // group to set, the child is forked, which copies little of ours, and not spawned.
    command.gid(getgid().as_raw());
    command.stdout(File::create(out)?).stderr(File::create(err)?);
    let ended = command.status();
    let ended_ns = clock::now();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let ms = |time: TimeVal| time.tv_sec() as f64 * 1e3 + time.tv_usec() as f64 / 1e3;
    if let Err(error) = &ended {
        fs::write(err, format!("{program}: {error}\n"))?;
    }
    let status = ended.ok();
    let measured = Measured {
        started_ns,
        ended_ns,
        cpu_ms: ms(usage.user_time()) + ms(usage.system_time()),
        peak_kib: u64::try_from(usage.max_rss()).unwrap_or(0),
        code: status.and_then(|status| status.code()),
        signal: status.and_then(|status| status.signal()),
    };
    Ok(fs::write(record, serde_json::to_vec(&measured)?)?)
}
