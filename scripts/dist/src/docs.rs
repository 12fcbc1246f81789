//! Man pages and shell completions, from the same description of the command line
//! that the program reads its arguments by.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate_to};

use crate::cli::Cli;

const NAME: &str = "etcd-rescue";

/// `man/*.1`, one page for each command, and `completions/*`.
pub fn write(dir: &Path) -> Result<()> {
    let (man, completions) = (dir.join("man"), dir.join("completions"));
    for dir in [&man, &completions] {
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    }
    // A manual has one line for the version.
    let command = || Cli::command().version(env!("CARGO_PKG_VERSION"));
    clap_mangen::generate_to(versioned(command()), &man).context("the man pages")?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command(), NAME, &completions).context("the completions")?;
    }
    Ok(())
}

/// The version in each page's foot, without a `--version` for each command.
fn versioned(command: Command) -> Command {
    let version = |it: Command| it.version(env!("CARGO_PKG_VERSION")).disable_version_flag(true);
    command.mut_subcommands(|it| versioned(version(it)))
}
