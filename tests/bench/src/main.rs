//! The benchmark of etcd-rescue: the same outage again and again, in the node lab,
//! with one way out of it after the other. `scripts/bench` starts it.
//!
//! [`outage`] raises a cluster and fills it; [`contender`] says what is typed;
//! [`measured`] runs that inside master-1; [`prober`] is the client that wants to
//! write meanwhile; [`judge`] asks etcd's own tools afterwards; [`run`] puts these
//! together. [`parts`] are what is printed, through [`report`]. [`numbers`] is the
//! arithmetic. Nothing here is code of the program that is measured.

mod cli;
mod clock;
mod comparison;
mod contender;
mod content;
mod growth;
mod judge;
mod machine;
mod measured;
mod network;
mod numbers;
mod outage;
mod parts;
mod prober;
mod report;
mod run;
mod table;
mod tools;
mod trials;

use std::{fs, process::ExitCode};

use anyhow::{Result, ensure};
use clap::Parser;

use crate::{cli::Cli, machine::Machine, parts::Bench, report::Report, tools::Tools};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let result = match words.get(1).map(String::as_str) {
        Some(measured::ROLE) => measured::serve(&words[2..]),
        _ => bench(Cli::parse()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bench(cli: Cli) -> Result<()> {
    let extent = cli.extent()?;
    ensure!(nix::unistd::geteuid().is_root(), "the masters are made of namespaces: run me as root");
    fs::create_dir_all(lab::site::labs())?;
    fs::create_dir_all(&cli.scratch)?;
    let scratch = cli.scratch.canonicalize()?;
    let tools = Tools::find(&cli.rescue, cli.etcd_defrag.as_deref(), &cli.etcd)?;
    let machine = Machine::look(&tools, &scratch, extent.disk_mib)?;
    let markdown = cli.write.then(|| lab::site::workspace().join("BENCHMARKS.md"));
    let report = Report::new(cli.json.clone(), markdown);
    Bench { cli, extent, tools, scratch, machine, report }.run()
}
