//! The command line, and what each of its words stands for in numbers.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

use crate::contender::{ALL, Contender};

/// etcd-rescue beside other ways to the same end, measured on this machine. Needs
/// root; scripts/bench sets up what it needs and starts it.
#[derive(Parser)]
#[command(name = "scripts/bench")]
pub struct Cli {
    /// The etcd-rescue to measure
    #[arg(long, value_name = "PATH", hide = true)]
    pub rescue: PathBuf,
    /// A directory for files of the run, on the labs' disk
    #[arg(long, value_name = "DIR", hide = true)]
    pub scratch: PathBuf,
    /// The release of etcd
    #[arg(long, default_value = "3.5.16", value_name = "VERSION")]
    pub etcd: String,
    /// etcd's quota; 512M by default, 64M with --quick
    #[arg(long, value_parser = lab::cli::size, value_name = "SIZE")]
    pub quota: Option<u64>,
    /// Rounds of the recovery; 3 by default, 1 with --quick
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// Also recover from 2 GiB of history
    #[arg(long)]
    pub large: bool,
    /// Also recover from 2 GiB of which 1 GiB is live (with --quick: of --quota)
    #[arg(long)]
    pub live_heavy: bool,
    /// Rounds of --large and --live-heavy
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub large_rounds: usize,
    /// Also show how cost grows with size, members and keys (half an hour)
    #[arg(long)]
    pub growth: bool,
    /// Only these parts; `large`, `live` and `growth` need no flag of their own then
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    pub only: Vec<Part>,
    /// Only these contenders: A, A2, B, C, C2
    #[arg(long, value_delimiter = ',', value_name = "LETTERS", value_parser = contender)]
    pub contenders: Vec<Contender>,
    /// The etcd-defrag to compare with; else the one on PATH
    #[arg(long, value_name = "PATH")]
    pub etcd_defrag: Option<PathBuf>,
    /// Every number of every run, as one JSON document
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Put what is printed into BENCHMARKS.md, in place of what is there
    #[arg(long)]
    pub write: bool,
    /// A test of the benchmark itself, in about three minutes: small and once
    #[arg(long)]
    pub quick: bool,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Recover,
    Large,
    Live,
    Snapshot,
    Start,
    Usage,
    Sizes,
    /// The four below
    Growth,
    GrowthSize,
    GrowthMembers,
    GrowthKeys,
    GrowthUsage,
}

impl Part {
    /// The name under which several are asked for at once.
    fn group(self) -> Option<Self> {
        let growth = [Self::GrowthSize, Self::GrowthMembers, Self::GrowthKeys, Self::GrowthUsage];
        growth.contains(&self).then_some(Self::Growth)
    }
}

/// How much of everything.
#[derive(Clone, Debug)]
pub struct Extent {
    pub quota: u64,
    pub live_quota: u64,
    pub rounds: usize,
    pub large_rounds: usize,
    pub start_rounds: usize,
    pub snapshot_rounds: usize,
    /// What is written to measure the disk.
    pub disk_mib: usize,
    /// Sizes of the recovered database, in bytes.
    pub growth_sizes: Vec<u64>,
    pub growth_members: Vec<usize>,
    pub growth_keys: Vec<u64>,
    /// The quota of the runs with more keys.
    pub keys_quota: u64,
    /// Sizes of the file that `usage` reads, in bytes.
    pub usage_sizes: Vec<u64>,
}

impl Cli {
    /// Whether this part is wanted.
    pub fn wants(&self, part: Part) -> bool {
        let group = part.group();
        if !self.only.is_empty() {
            let named = |one| self.only.contains(&one);
            return named(part) || group.is_some_and(named);
        }
        match group.unwrap_or(part) {
            Part::Large => self.large,
            Part::Live => self.live_heavy,
            Part::Growth => self.growth,
            _ => true,
        }
    }

    pub fn contenders(&self) -> Vec<Contender> {
        let all = ALL.into_iter();
        all.filter(|one| self.contenders.is_empty() || self.contenders.contains(one)).collect()
    }

    /// The numbers behind the words.
    pub fn extent(&self) -> Result<Extent> {
        ensure!(
            !(self.quick && self.write),
            "--quick tests the benchmark; it is no result to --write"
        );
        let mib = |sizes: &[u64]| sizes.iter().map(|size| size << 20).collect::<Vec<_>>();
        let mut extent = Extent {
            quota: self.quota.unwrap_or(512 << 20),
            live_quota: 2 << 30,
            rounds: self.rounds.unwrap_or(3),
            large_rounds: self.large_rounds,
            start_rounds: 30,
            snapshot_rounds: 5,
            disk_mib: 512,
            growth_sizes: mib(&[64, 128, 256, 512, 1024, 2048]),
            growth_members: vec![1, 2, 3, 5, 7],
            growth_keys: vec![10_000, 100_000, 1_000_000],
            keys_quota: 512 << 20,
            usage_sizes: mib(&[64, 128, 256, 512, 1024, 2048, 4096, 8192]),
        };
        if self.quick {
            let quota = self.quota.unwrap_or(64 << 20);
            (extent.quota, extent.live_quota, extent.keys_quota) = (quota, quota, quota);
            (extent.rounds, extent.large_rounds) = (self.rounds.unwrap_or(1), 1);
            (extent.start_rounds, extent.snapshot_rounds, extent.disk_mib) = (5, 2, 64);
            (extent.growth_sizes, extent.usage_sizes) = (mib(&[32, 64]), mib(&[32, 64]));
            (extent.growth_members, extent.growth_keys) = (vec![1, 3], vec![1000, 10_000]);
        }
        ensure!(extent.rounds > 0 && extent.large_rounds > 0, "at least one round");
        Ok(extent)
    }
}

fn contender(text: &str) -> Result<Contender, String> {
    let known = ALL.into_iter().find(|one| one.letter() == text);
    known.ok_or_else(|| "one of A, A2, B, C, C2".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Cli {
        Cli::parse_from([&["bench", "--rescue", "r", "--scratch", "s"], words].concat())
    }

    #[test]
    fn large_parts_are_asked_for() {
        let plain = parsed(&[]);
        assert!(plain.wants(Part::Recover) && plain.wants(Part::Sizes));
        assert!(!plain.wants(Part::Large) && !plain.wants(Part::GrowthSize));
        let only = parsed(&["--only", "usage,growth"]);
        assert!(
            only.wants(Part::GrowthKeys) && only.wants(Part::Usage) && !only.wants(Part::Recover)
        );
        let one = parsed(&["--only", "growth-size"]);
        assert!(one.wants(Part::GrowthSize) && !one.wants(Part::GrowthKeys));
        assert_eq!(parsed(&["--contenders", "C,B"]).contenders().len(), 2);
    }

    #[test]
    fn a_quick_run_is_small_and_never_a_result() {
        let quick = parsed(&["--quick"]).extent().unwrap();
        assert_eq!((quick.quota, quick.rounds), (64 << 20, 1));
        let full = parsed(&[]).extent().unwrap();
        assert_eq!((full.quota, full.rounds), (512 << 20, 3));
        assert!(parsed(&["--quick", "--write"]).extent().is_err());
    }
}
