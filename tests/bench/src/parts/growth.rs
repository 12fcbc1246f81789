//! How the costs of a recovery and of `usage` grow with size, members and keys.

use anyhow::{Context, Result, ensure};
use lab::{Fill, Lab, Spec, Until};
use serde_json::json;

use super::{
    Bench,
    cluster::{SHA256SUM, USAGE, forget, read_by_turns, save},
    progress,
};
use crate::{
    cli::Part,
    contender::Contender,
    growth::Series,
    numbers::least,
    outage::{Load, Outage, no_room_for},
    run::Run,
    table::size,
};

const RECOVERY: [&str; 5] = ["first write s", "all small s", "total s", "CPU s", "peak MiB"];
const READING: [&str; 5] = ["usage s", "CPU s", "peak MiB", "sha256sum s", "CPU s"];

/// New keys need new names: each step of the series has a prefix of its own.
const PREFIXES: [&str; 3] = ["/registry/a/", "/registry/b/", "/registry/c/"];

impl Bench {
    pub(super) fn growth(&mut self) -> Result<()> {
        let sizes = self.extent.growth_sizes.clone();
        if self.cli.wants(Part::GrowthSize) {
            let at = sizes.iter().map(|&bytes| ((bytes >> 20) as f64, (3, bytes, Load::Churn)));
            let series = self.recoveries("MiB of churn, 3 members", at.collect())?;
            self.tell_growth("size", "recovery by size", &[series])?;
        }
        if self.cli.wants(Part::GrowthMembers) {
            let bytes = sizes.first().copied().context("a size")?;
            let counts = self.extent.growth_members.clone();
            let at = counts.iter().map(|&count| (count as f64, (count, bytes, Load::Churn)));
            let along = format!("members, {} of churn", size(bytes));
            let series = self.recoveries(&along, at.collect())?;
            self.tell_growth("members", "recovery by members", &[series])?;
        }
        let keys = self.extent.growth_keys.clone();
        if self.cli.wants(Part::GrowthKeys) {
            let quota = self.extent.keys_quota;
            let at = keys.iter().map(|&count| (count as f64, (3, quota, Load::Keys(count))));
            let along = format!("live keys of 64 bytes in {}, 3 members", size(quota));
            let series = self.recoveries(&along, at.collect())?;
            self.tell_growth("keys", "recovery by keys", &[series])?;
        }
        if self.cli.wants(Part::GrowthUsage) {
            let all = [self.reading_sizes()?, self.reading_keys(&keys)?];
            self.tell_growth("usage", "`usage --from` by size and by keys", &all)?;
        }
        Ok(())
    }

    fn tell_growth(&mut self, key: &str, what: &str, all: &[Series]) -> Result<()> {
        let text: Vec<String> = all.iter().map(Series::text).collect();
        let note = "In brackets: with which power of the first column a cost grew since the row \
                    above. 1 is linear; WORSE marks more than 1.15.";
        let text = format!("{}\n{note}", text.join("\n"));
        self.tell(&format!("growth {key}"), &format!("Growth: {what}"), &text, json!(all))
    }

    fn recoveries(&self, along: &str, at: Vec<(f64, (usize, u64, Load))>) -> Result<Series> {
        let mut series = Series::new(&format!("recover: {along}"), &RECOVERY);
        for (round, (x, (masters, quota, load))) in at.into_iter().enumerate() {
            let outage = Outage { etcd: self.tools.etcd.clone(), masters, quota, load };
            if let Some(why) = outage.no_room()? {
                series.skipped.push(format!("{x}: {why}"));
                continue;
            }
            let run = self.once(&outage, Contender::Rescue, round)?;
            if !run.failures().is_empty() {
                series.skipped.push(format!(
                    "{x} FAILED: {} {}",
                    run.failures().join(", "),
                    run.said
                ));
            }
            series.add(x, costs(&run));
        }
        Ok(series)
    }

    /// One master with a big quota, read whenever its file has reached a size.
    fn reading_sizes(&self) -> Result<Series> {
        let sizes = &self.extent.usage_sizes;
        let mut series = Series::new("usage: MiB of churn", &READING);
        let biggest = sizes.last().copied().context("a size")?;
        let lab = self.single(biggest * 2)?;
        for &bytes in sizes {
            if let Some(why) = no_room_for(bytes * 3)? {
                series.skipped.push(format!("{}: {why}", size(bytes)));
                continue;
            }
            progress(&format!("usage: {}", size(bytes)));
            lab.fill(Fill::churn(), Until::Bytes(bytes))?;
            self.read_into(&mut series, &lab, (bytes >> 20) as f64)?;
        }
        lab.down()?;
        Ok(series)
    }

    fn reading_keys(&self, counts: &[u64]) -> Result<Series> {
        let mut series = Series::new("usage: keys of 64 bytes", &READING);
        ensure!(counts.len() <= PREFIXES.len(), "a prefix for each step");
        let lab = self.single(4 << 30)?;
        let mut before = 0;
        for (&count, prefix) in counts.iter().zip(PREFIXES) {
            progress(&format!("usage: {count} keys"));
            lab.fill(Fill::Objects { prefix, value_bytes: 64 }, Until::Puts(count - before))?;
            before = count;
            self.read_into(&mut series, &lab, count as f64)?;
        }
        lab.down()?;
        Ok(series)
    }

    fn single(&self, quota: u64) -> Result<Lab> {
        let spec = Spec::new(1, std::slice::from_ref(&self.tools.etcd)).quota(quota);
        // etcd keeps that many entries in memory: 100,000 of 100 kB by default.
        Lab::up(spec.etcd_flag("--snapshot-count=2000"))
    }

    fn read_into(&self, series: &mut Series, lab: &Lab, at: f64) -> Result<()> {
        let file = self.scratch.join("growth.db");
        save(&lab.masters()[0], &file)?;
        let rounds = self.extent.snapshot_rounds.min(3);
        let trials = read_by_turns(&self.tools.rescue, &self.scratch, &file, rounds);
        forget(&file)?;
        let trials = trials?;
        let wall = |name: &str| least(&trials.walls(name)).map(|ms| ms / 1e3);
        let cpu = |name: &str| least(&trials.cpus(name)).map(|ms| ms / 1e3);
        let peak = trials.peak_kib(USAGE).map(|kib| kib as f64 / 1024.0);
        let (ours, theirs) = (USAGE, SHA256SUM);
        series.add(at, vec![wall(ours), cpu(ours), peak, wall(theirs), cpu(theirs)]);
        Ok(())
    }
}

fn costs(run: &Run) -> Vec<Option<f64>> {
    let seconds = |ms: f64| ms / 1e3;
    let ended_well = run.failures().is_empty();
    let when_well = |cost: f64| ended_well.then_some(seconds(cost));
    vec![
        run.first_write_ms.map(seconds),
        run.all_small_ms.map(seconds),
        when_well(run.total_ms),
        when_well(run.cpu_ms),
        ended_well.then_some(run.peak_kib as f64 / 1024.0),
    ]
}
