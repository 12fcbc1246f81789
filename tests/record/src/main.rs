//! Records a recovery for the README: three real masters, a real NOSPACE, the
//! static binary in a real terminal with the answers typed, and once more without
//! questions. Everything shown was printed; nothing here knows what it should say.

mod excerpt;
mod film;
mod session;
mod svg;

use std::{fs, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use lab::{Fill, Lab, Master, Spec, Until, release, releases};

use crate::{film::Film, session::Session};

/// What a person sees at the end of each question but those that want a word.
const QUESTIONS: [&str; 2] = ["[y/N/?]", "[y/N/a/?]"];
/// The shell's own.
const PROMPT: &str = "root@master-1:~#";
const COLUMNS: u16 = 80;
const ROWS: u16 = 34;

/// Records a recovery as an SVG and as the README's transcripts. Needs root.
#[derive(Parser)]
struct Cli {
    /// The static binary
    #[arg(long, value_name = "FILE")]
    rescue: PathBuf,
    /// Where the moving picture goes
    #[arg(long, value_name = "FILE")]
    svg: PathBuf,
    /// Whose marked blocks are written anew
    #[arg(long, value_name = "FILE")]
    readme: PathBuf,
    /// The release of etcd; the newest there is by default
    #[arg(long, value_name = "VERSION")]
    etcd: Option<String>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let etcd = match &cli.etcd {
        Some(wanted) => release(wanted)?,
        None => releases().pop().context("no etcd release here; run scripts/setup lab")?,
    };
    let version = etcd.version.clone();
    let lab = Lab::up(Spec::new(3, &[etcd]).quota(64 << 20).apiserver(true))?;
    let first = lab.master("master-1");
    fill(&lab)?;
    let film = guided(first, &cli)?;
    fill(&lab)?;
    let used = unasked(first, &cli, "usage")?;
    let printed = unasked(first, &cli, "--yes")?;
    lab.down()?;

    let picture = svg::draw(&film, ROWS.into());
    ensure!(picture.len() < 200_000, "the picture has {} bytes, too many", picture.len());
    let mut readme = fs::read_to_string(&cli.readme).context("reading the README")?;
    let run = excerpt::run(&version, &printed)?;
    let (step, usage) = (excerpt::step(&film.text())?, excerpt::usage(&used)?);
    for (name, block) in [("run", run), ("step", step), ("usage", usage)] {
        readme = excerpt::replace(&readme, name, &block)?;
    }
    fs::write(&cli.svg, &picture).with_context(|| format!("writing {}", cli.svg.display()))?;
    fs::write(&cli.readme, readme).context("writing the README")?;
    println!("{}: {} bytes, {} s", cli.svg.display(), picture.len(), film.length().as_secs());
    println!("{}: the transcripts of etcd {version}", cli.readme.display());
    Ok(())
}

fn fill(lab: &Lab) -> Result<()> {
    // The leader's place decides on the order that is shown.
    lab.move_leader("master-1")?;
    println!("{}", lab.fill(Fill::Kubernetes, Until::Alarm)?);
    Ok(())
}

/// A shell as over SSH, with the program in the home directory.
fn shell(first: &Master, cli: &Cli) -> Result<Command> {
    let rescue = cli.rescue.canonicalize().context("the binary")?;
    let home = "mkdir -p /run/home && cp \"$0\" /run/home/etcd-rescue && cd /run/home && \
                exec env -i HOME=/run/home PATH=/usr/sbin:/usr/bin:/sbin:/bin \
                TERM=xterm-256color LANG=C.UTF-8 PS1='root@\\h:\\w# ' \
                bash --noprofile --norc -i";
    let mut command = first.command("/bin/sh");
    command.args(["-c", home]).arg(rescue);
    Ok(command)
}

/// The recovery as a person does it who reads for a while, and says yes.
fn guided(first: &Master, cli: &Cli) -> Result<Film> {
    let mut session = Session::open(shell(first, cli)?, COLUMNS, ROWS)?;
    session.read_to(&[PROMPT])?;
    session.think(Duration::from_millis(700))?;
    session.enter("./etcd-rescue")?;
    // The plan is long; later questions are read sooner.
    let mut reading = Duration::from_secs(12);
    loop {
        let ends = [QUESTIONS[0], QUESTIONS[1], PROMPT];
        if session.read_to(&ends)? == PROMPT {
            break;
        }
        session.ponder(reading)?;
        session.enter("y")?;
        reading = Duration::from_millis(2_500);
    }
    let film = session.end()?;
    let page = film.text();
    let recovered = page.iter().any(|line| line.starts_with("Recovered in"));
    ensure!(recovered, "it did not recover:\n{}", page.join("\n"));
    Ok(film)
}

/// What a script gets: what goes to both streams, in its order.
fn unasked(first: &Master, cli: &Cli, word: &str) -> Result<Vec<String>> {
    let rescue = cli.rescue.canonicalize().context("the binary")?;
    let home = "mkdir -p /run/bin && cp \"$0\" /run/bin/etcd-rescue && PATH=/run/bin:$PATH && \
                exec etcd-rescue \"$1\" 2>&1";
    let mut command = first.command("/bin/sh");
    command.args(["-c", home]).arg(rescue).arg(word);
    command.env("LANG", "C.UTF-8").env_remove("LC_ALL");
    let out = command.output().with_context(|| format!("running etcd-rescue {word}"))?;
    let text = String::from_utf8(out.stdout).context("what it printed")?;
    ensure!(out.status.success(), "it ended with {}:\n{text}", out.status);
    Ok(text.lines().map(str::to_owned).collect())
}
