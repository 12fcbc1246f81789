//! The parts of a release that are made from the program's own description and
//! from the locked dependencies, for `scripts/release`. Writes what it is told to
//! write and decides nothing about a release.

mod audit;
/// The program's own, linked here: it imports nothing else of the program, and the
/// rest takes minutes to build.
#[allow(dead_code, unused_imports)]
mod cli;
mod docs;
mod elf;
mod packages;
mod sbom;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use packages::Packages;

#[derive(Debug, Parser)]
#[command(name = "dist")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes man pages and shell completions into DIR/man and DIR/completions
    Docs { dir: PathBuf },
    /// Puts the list of linked crates into a binary, as cargo-auditable does
    Audit {
        /// The target triple that the binary was built for
        #[arg(long)]
        target: String,
        /// The binary, changed in place
        binary: PathBuf,
    },
    /// Prints the CycloneDX SBOM of a binary
    Sbom {
        /// The target triple that the binary was built for
        #[arg(long)]
        target: String,
        /// The commit it was built from
        #[arg(long)]
        commit: String,
        /// When that was made, in UTC, as `2026-11-23T23:26:59Z`
        #[arg(long)]
        date: String,
        /// Of which its SHA-256 is a part
        #[arg(long)]
        sha256: String,
    },
}

fn main() -> Result<()> {
    match Args::parse().command {
        Command::Docs { dir } => docs::write(&dir),
        Command::Audit { target, binary } => {
            let list = audit::compressed(&Packages::linked(&target)?);
            let bytes = fs::read(&binary).with_context(|| binary.display().to_string())?;
            let bytes = elf::with_section(&bytes, audit::SECTION, &list)?;
            fs::write(&binary, bytes).with_context(|| binary.display().to_string())
        }
        Command::Sbom { target, commit, date, sha256 } => {
            let about = sbom::About { target, commit, date, sha256 };
            let bom = sbom::document(&Packages::linked(&about.target)?, &about);
            println!("{}", serde_json::to_string_pretty(&bom)?);
            Ok(())
        }
    }
}
