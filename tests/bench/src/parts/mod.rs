//! The parts of the benchmark, in the order they are printed.

mod cluster;
mod growth;
mod recover;
mod sizes;

use std::path::PathBuf;

use anyhow::Result;
use serde_json::Value;

use crate::{
    cli::{Cli, Extent, Part},
    machine::Machine,
    outage::{Load, Outage},
    report::Report,
    tools::Tools,
};

/// One call of the benchmark.
pub struct Bench {
    pub cli: Cli,
    pub extent: Extent,
    pub tools: Tools,
    pub scratch: PathBuf,
    pub machine: Machine,
    pub report: Report,
}

impl Bench {
    /// All that is wanted.
    pub fn run(&mut self) -> Result<()> {
        let (text, data) = (self.machine.text(), self.machine.json());
        self.report.part("machine", &format!("## Machine\n\n{text}"), data)?;
        if self.cli.wants(Part::Recover) {
            self.recover(&self.outage(self.extent.quota, Load::Churn), self.extent.rounds)?;
        }
        if self.cli.wants(Part::Large) {
            self.recover(&self.outage(2 << 30, Load::Churn), self.extent.large_rounds)?;
        }
        if self.cli.wants(Part::Live) {
            let outage = self.outage(self.extent.live_quota, Load::LiveHeavy);
            self.recover(&outage, self.extent.large_rounds)?;
        }
        if [Part::Snapshot, Part::Start, Part::Usage].iter().any(|part| self.cli.wants(*part)) {
            self.on_a_cluster()?;
        }
        if self.cli.wants(Part::Sizes) {
            self.sizes()?;
        }
        self.growth()
    }

    fn outage(&self, quota: u64, load: Load) -> Outage {
        Outage { etcd: self.tools.etcd.clone(), masters: 3, quota, load }
    }

    /// Prints a part below its heading, with where and when it was measured.
    fn tell(&mut self, key: &str, heading: &str, text: &str, data: Value) -> Result<()> {
        let stamp = self.machine.stamp();
        let text = format!("## {heading}\n\n{}\n\nMeasured {stamp}.\n", text.trim_end());
        self.report.part(key, &text, data)
    }
}

/// What is going on, for the person who waits.
fn progress(what: &str) {
    eprintln!("bench: {what}");
}
