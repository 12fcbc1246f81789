//! The command line for people and for the drills: `lab up`, `fill`, `enter`,
//! `etcdctl`, `status`, `power`, `slow`, `down`.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{Fill, Lab, Layout, Probes, Release, Spec, Until, release, releases, runtime};

/// Real etcd masters on this machine, to break and to rescue. Needs root.
#[derive(Parser)]
#[command(name = "lab", disable_help_subcommand = true)]
struct Cli {
    /// Which lab, when there are several
    #[arg(long, global = true, default_value = "lab", value_name = "NAME")]
    name: String,
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Raise masters and wait until etcd is healthy
    Up(Up),
    /// Write until etcd raises NOSPACE
    Fill {
        #[arg(long, value_enum, default_value = "churn")]
        pattern: Pattern,
        /// `alarm`, or a size of the database such as 40M
        #[arg(long, default_value = "alarm", value_parser = until)]
        until: Until,
    },
    /// Run a command, or a shell, inside a master
    Enter {
        #[arg(value_name = "MASTER")]
        master: String,
        #[arg(last = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Run etcdctl against all members
    Etcdctl {
        /// Its own release against the member of this master alone
        #[arg(long, value_name = "MASTER")]
        at: Option<String>,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Show the masters and what etcd says
    Status,
    /// Cut a master's power, or give it back
    Power {
        #[arg(value_name = "MASTER")]
        master: String,
        #[arg(value_enum)]
        state: Power,
    },
    /// Make each fdatasync of a master's etcd this much later, as a bad disk does
    Slow {
        #[arg(value_name = "MASTER")]
        master: String,
        /// For example 300ms; `off` ends it, and so does the end of that etcd
        #[arg(value_parser = delay, value_name = "DELAY")]
        delay: Delay,
    },
    /// Take a lab down; nothing of it is left
    Down {
        /// Every lab on this machine
        #[arg(long)]
        all: bool,
    },
}

#[derive(Args)]
struct Up {
    #[arg(long, default_value_t = 3, value_name = "N")]
    masters: usize,
    /// A version or a line (3.5), or several for a mixed cluster; the newest
    /// there is by default
    #[arg(long, value_delimiter = ',', value_name = "VERSION")]
    etcd: Vec<String>,
    /// etcd's quota, for example 64M; etcd's own default (2 GiB) without it
    #[arg(long, value_parser = size, value_name = "SIZE")]
    quota: Option<u64>,
    /// Whose paths and processes: what installed the masters
    #[arg(long, value_enum, default_value = "kubeadm", value_name = "NAME")]
    layout: Layout,
    #[arg(long, value_enum, default_value = "auto")]
    probes: ProbesName,
    /// Divides the kubelet's times
    #[arg(long, default_value_t = 1, value_name = "N")]
    speed: u32,
    /// A disk of this size for each data directory
    #[arg(long, value_parser = size, value_name = "SIZE")]
    data_disk: Option<u64>,
    /// One more flag for etcd
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    etcd_flag: Vec<String>,
    /// Add a stand-in kube-apiserver to each master
    #[arg(long)]
    apiserver: bool,
    /// Run the real kubelet (and kube-apiserver) that `scripts/setup kubelet` builds
    #[arg(long)]
    real_kubelet: bool,
    /// The container runtime: a version or a line (1.7); the machine's own by default
    #[arg(long, value_name = "VERSION")]
    containerd: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Pattern {
    Churn,
    Events,
    Kubernetes,
    /// Many small keys, each written once
    Objects,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProbesName {
    Auto,
    Livez,
    Exclude,
    Health,
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum Power {
    Off,
    On,
}

/// How late the disk is; none is its own speed.
#[derive(Clone, Copy)]
struct Delay(Option<Duration>);

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match perform(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(cli: Cli) -> Result<ExitCode> {
    if !nix::unistd::geteuid().is_root() {
        bail!("a lab is made of namespaces and mounts; run me as root");
    }
    let name = cli.name;
    crate::site::check_name(&name)?;
    match cli.command {
        Action::Up(up) => raise(up, &name)?,
        Action::Fill { pattern, until } => {
            let pattern = match pattern {
                Pattern::Churn => Fill::churn(),
                Pattern::Events => Fill::Events { value_bytes: 2_000 },
                Pattern::Kubernetes => Fill::Kubernetes,
                Pattern::Objects => {
                    Fill::Objects { prefix: "/registry/configmaps/web/", value_bytes: 250 }
                }
            };
            say(&Lab::open(&name)?.fill(pattern, until)?)?;
        }
        Action::Enter { master, command } => {
            return Err(enter(&Lab::open(&name)?, &master, command));
        }
        Action::Etcdctl { at, args } => {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            let lab = Lab::open(&name)?;
            let out = match at {
                Some(master) => named(&lab, &master)?.etcdctl(&args)?,
                None => lab.etcdctl(&args)?,
            };
            std::io::stdout().write_all(&out.stdout)?;
            std::io::stderr().write_all(&out.stderr)?;
            let code = out.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            return Ok(ExitCode::from(code));
        }
        Action::Status => status(&Lab::open(&name)?)?,
        Action::Power { master, state } => power(&Lab::open(&name)?, &master, state)?,
        Action::Slow { master, delay } => slow(&Lab::open(&name)?, &master, delay)?,
        Action::Down { all: true } => {
            for name in crate::down_all()? {
                say(&format_args!("{name} is down"))?;
            }
        }
        Action::Down { all: false } => {
            crate::sweep::sweep(&crate::site::lab(&name))?;
            say(&format_args!("{name} is down"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn raise(up: Up, name: &str) -> Result<()> {
    let etcd: Vec<Release> = if up.etcd.is_empty() {
        vec![releases().pop().context("no etcd release here; run scripts/setup lab")?]
    } else {
        up.etcd.iter().map(|version| release(version)).collect::<Result<_>>()?
    };
    let probes = match up.probes {
        ProbesName::Auto => Probes::Auto,
        ProbesName::Livez => Probes::Livez,
        ProbesName::Exclude => Probes::Exclude,
        ProbesName::Health => Probes::Health,
        ProbesName::None => Probes::None,
    };
    let mut spec = Spec::new(up.masters, &etcd)
        .name(name)
        .layout(up.layout)
        .probes(probes)
        .speed(up.speed)
        .apiserver(up.apiserver)
        .real_kubelet(up.real_kubelet);
    if let Some(wanted) = &up.containerd {
        spec = spec.containerd(runtime(wanted)?);
    }
    for flag in up.etcd_flag {
        spec = spec.etcd_flag(flag);
    }
    for master in &mut spec.masters {
        master.quota = up.quota;
        master.data_disk = up.data_disk;
    }
    let started = std::time::Instant::now();
    let mut lab = Lab::up(spec)?;
    lab.keep();
    say(&format_args!("{name} is up after {:.1?}", started.elapsed()))?;
    status(&lab)
}

/// Becomes the command inside the master, so that the terminal and the exit code
/// are its own. Returns only when that fails.
fn enter(lab: &Lab, master: &str, command: Vec<String>) -> anyhow::Error {
    let master = match named(lab, master) {
        Ok(master) => master,
        Err(error) => return error,
    };
    if master.init_pid().is_none() {
        return anyhow::anyhow!("{} has no power", master.name());
    }
    let mut words = command.into_iter();
    let program = words.next().unwrap_or_else(|| "/bin/bash".to_owned());
    let mut inside: Command = master.command(program);
    inside.args(words);
    anyhow::Error::new(inside.exec()).context("running nsenter")
}

fn named<'lab>(lab: &'lab Lab, name: &str) -> Result<&'lab crate::Master> {
    lab.find(name).with_context(|| {
        let names: Vec<_> = lab.masters().iter().map(crate::Master::name).collect();
        format!("no master is called {name}; there are {}", names.join(", "))
    })
}

fn power(lab: &Lab, master: &str, state: Power) -> Result<()> {
    let master = named(lab, master)?;
    match state {
        Power::Off => master.power_cut()?,
        Power::On => master.boot()?,
    }
    let told = match state {
        Power::Off => "has no power",
        Power::On => "has power, and its etcd runs",
    };
    say(&format_args!("{} {told}", master.name()))
}

fn slow(lab: &Lab, master: &str, delay: Delay) -> Result<()> {
    let master = named(lab, master)?;
    let Some(delay) = delay.0 else {
        master.end_slow_sync()?;
        return say(&format_args!("the disk of {} has its own speed", master.name()));
    };
    master.slow_sync(delay)?.leave();
    say(&format_args!("the disk of {} is {delay:?} late", master.name()))
}

fn status(lab: &Lab) -> Result<()> {
    for master in lab.masters() {
        let power =
            master.init_pid().map_or_else(|| "no power".to_owned(), |pid| format!("init {pid}"));
        let etcd = match master.layout().has_etcd() {
            true => master.release().to_string(),
            false => "no etcd".to_owned(),
        };
        say(&format_args!("{}  {}  {etcd}  {power}", master.name(), master.ip()))?;
    }
    if lab.members().next().is_none() {
        return Ok(());
    }
    for args in [&["endpoint", "status", "-w", "table"][..], &["alarm", "list"]] {
        let out = lab.etcdctl(args)?;
        std::io::stdout().write_all(&out.stdout)?;
        std::io::stderr().write_all(&out.stderr)?;
    }
    Ok(())
}

/// A line on stdout; a reader that has gone away is an error like any other.
fn say(line: &dyn std::fmt::Display) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

fn until(text: &str) -> Result<Until> {
    if text == "alarm" { Ok(Until::Alarm) } else { size(text).map(Until::Bytes) }
}

fn delay(text: &str) -> Result<Delay> {
    if text == "off" {
        return Ok(Delay(None));
    }
    let late = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => digits.parse().map(Duration::from_millis),
        (None, Some(digits)) => digits.parse().map(Duration::from_secs),
        (None, None) => bail!("{text} is no time; try 300ms, or off"),
    };
    let late = late.with_context(|| format!("{text} is no time; try 300ms, or off"))?;
    anyhow::ensure!(late <= Duration::from_secs(10), "a disk that is {text} late ends every etcd");
    Ok(Delay(Some(late)))
}

/// A number of bytes with an optional binary unit: 64M, 2G, 1048576.
pub fn size(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => bail!("{text} is no size; try 64M"),
    };
    Ok(digits.parse::<u64>().with_context(|| format!("{text} is no size; try 64M"))? * unit)
}
