//! What is measured on a filled cluster that nobody recovers: snapshots, the start
//! of the tools, and reading a snapshot.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use lab::{Lab, Master};
use serde_json::json;

use super::{Bench, progress};
use crate::{
    cli::Part,
    contender::{PLACE, etcdctl_flags},
    measured::{self, Line, Ran},
    outage::Load,
    table::mib,
    trials::Trials,
};

const OURS: &str = "etcd-rescue snapshot save";
const THEIRS: &str = "etcdctl snapshot save";
const TO_NOWHERE: &str = "etcd-rescue snapshot save - >/dev/null";

impl Bench {
    pub(super) fn on_a_cluster(&mut self) -> Result<()> {
        let outage = self.outage(self.extent.quota, Load::Kubernetes);
        if let Some(why) = outage.no_room()? {
            return self.tell("cluster", "Snapshot, start, usage", &why, json!(null));
        }
        progress(&format!("{}: raising and filling", outage.name()));
        let lab = outage.strike(0)?;
        if self.cli.wants(Part::Snapshot) {
            self.snapshot(&lab.masters()[0])?;
        }
        if self.cli.wants(Part::Start) {
            self.start(&lab)?;
        }
        if self.cli.wants(Part::Usage) {
            self.usage(&lab.masters()[0])?;
        }
        lab.down()
    }

    fn snapshot(&mut self, first: &Master) -> Result<()> {
        progress("snapshots");
        let inside = format!("{PLACE}/bench.db");
        let file = first.path(&inside);
        let (tools, scratch) = (&self.tools, &self.scratch);
        let etcdctl: Vec<String> = etcdctl_flags().into_iter().collect();
        let once = |name: &str| -> Result<Ran> {
            let line = match name {
                OURS => Line::new(&tools.rescue, &["snapshot", "save", &inside]),
                THEIRS => {
                    let mut line = Line::new(&tools.etcd.etcdctl, &["snapshot", "save", &inside]);
                    line.args.splice(0..0, etcdctl.clone());
                    line
                }
                _ => Line::new(&tools.rescue, &["snapshot", "save", "-"]).silent(),
            };
            forget(&file)?;
            measured::inside(first, scratch, &line)
        };
        let trials = Trials::run(&[OURS, THEIRS, TO_NOWHERE], self.extent.snapshot_rounds, once)?;
        let bytes = save(first, &self.scratch.join("size.db"))?;
        forget(&self.scratch.join("size.db"))?;
        forget(&file)?;
        let text = format!(
            "{} MiB, from inside master-1, both with the client certificate of kubeadm.\n\n{}\n{}{}",
            mib(bytes as f64),
            trials.text(Some(bytes)),
            trials.ratio(OURS, THEIRS, Some(0.77)),
            trials.ratio(TO_NOWHERE, THEIRS, None),
        );
        let rounds = self.extent.snapshot_rounds;
        let heading = format!("Snapshot: {rounds} rounds");
        self.tell("snapshot", &heading, &text, json!({ "bytes": bytes, "trials": trials.json() }))
    }

    fn start(&mut self, lab: &Lab) -> Result<()> {
        progress("start");
        let first = &lab.masters()[0];
        let names = [
            "etcd-rescue --version",
            "etcdctl version",
            "etcd-rescue status",
            "etcdctl endpoint status",
        ];
        let (tools, scratch) = (&self.tools, &self.scratch);
        let etcdctl: Vec<String> = etcdctl_flags().into_iter().collect();
        let once = |name: &str| {
            let line = match name {
                "etcd-rescue --version" => Line::new(&tools.rescue, &["--version"]),
                "etcdctl version" => Line::new(&tools.etcd.etcdctl, &["version"]),
                "etcd-rescue status" => Line::new(&tools.rescue, &["status"]),
                _ => {
                    let words = ["endpoint", "status", "--cluster"];
                    let mut line = Line::new(&tools.etcd.etcdctl, &words);
                    line.args.splice(0..0, etcdctl.clone());
                    line
                }
            };
            measured::inside(first, scratch, &line)
        };
        let rounds = self.extent.start_rounds;
        let trials = Trials::run(&names, rounds, once)?;
        let text = format!(
            "`status` finds endpoints and certificates by itself; etcdctl was given them, and \
             `--cluster`.\n\n{}\n{}{}",
            trials.text(None),
            trials.ratio(names[0], names[1], Some(0.5)),
            trials.ratio(names[2], names[3], None),
        );
        self.tell("start", &format!("Start: {rounds} rounds"), &text, trials.json())
    }

    fn usage(&mut self, first: &Master) -> Result<()> {
        progress("usage");
        let file = self.scratch.join("usage.db");
        let bytes = save(first, &file)?;
        let rounds = self.extent.snapshot_rounds;
        let trials = read_by_turns(&self.tools.rescue, &self.scratch, &file, rounds);
        forget(&file)?;
        let trials = trials?;
        let text = format!(
            "{} MiB of objects of Kubernetes in a snapshot, in the page cache.\n\n{}\n{}",
            mib(bytes as f64),
            trials.text(Some(bytes)),
            trials.ratio(USAGE, SHA256SUM, None),
        );
        let data = json!({ "bytes": bytes, "trials": trials.json() });
        self.tell("usage", &format!("Reading a snapshot: {rounds} rounds"), &text, data)
    }
}

pub(super) const USAGE: &str = "etcd-rescue usage --from";
pub(super) const SHA256SUM: &str = "sha256sum";

/// `usage --from` and sha256sum of the same file.
pub(super) fn read_by_turns(
    rescue: &Path,
    scratch: &Path,
    file: &Path,
    rounds: usize,
) -> Result<Trials> {
    let name = file.display().to_string();
    Trials::run(&[USAGE, SHA256SUM], rounds, |which| {
        let line = match which {
            USAGE => Line::new(rescue, &["usage", "--from", &name]),
            _ => Line::new("/usr/bin/sha256sum", &[&name]),
        };
        measured::here(scratch, &line)
    })
}

/// A snapshot that etcdctl takes; its size.
pub(super) fn save(master: &Master, file: &Path) -> Result<u64> {
    let path = file.to_str().context("a path that is text")?;
    let out = master.etcdctl(&["snapshot", "save", path])?;
    anyhow::ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Ok(file.metadata()?.len())
}

/// Removes a file that may not be there, and lets the disk come to rest.
pub(super) fn forget(file: &Path) -> Result<()> {
    if file.exists() {
        fs::remove_file(file)?;
    }
    nix::unistd::sync();
    Ok(())
}
