//! Who is measured, and what is typed for each. All of it runs as processes inside
//! master-1, with the healthcheck client certificate of kubeadm.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use lab::Lab;
use serde_json::Value;

use crate::{
    measured::{self, Line, Ran},
    tools::Tools,
};

/// Snapshots of all contenders lie in the same directory, on the disk below etcd.
pub const PLACE: &str = "/var/lib/etcd-rescue";

const ARTICLE: &str = include_str!("article.sh");
const PKI: &str = "/etc/kubernetes/pki/etcd";

/// One way to get etcd writable again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    Article,
    ArticleWithSnapshot,
    EtcdDefrag,
    Rescue,
    RescueFullFirst,
}

pub const ALL: [Contender; 5] = [
    Contender::Article,
    Contender::ArticleWithSnapshot,
    Contender::EtcdDefrag,
    Contender::Rescue,
    Contender::RescueFullFirst,
];

impl Contender {
    /// The letter it has in ratios and in JSON.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Article => "A",
            Self::ArticleWithSnapshot => "A2",
            Self::EtcdDefrag => "B",
            Self::Rescue => "C",
            Self::RescueFullFirst => "C2",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Article => "etcdctl, as in articles",
            Self::ArticleWithSnapshot => "etcdctl, snapshot first",
            Self::EtcdDefrag => "etcd-defrag",
            Self::Rescue => "etcd-rescue recover --yes",
            Self::RescueFullFirst => "... --snapshot full-first",
        }
    }

    /// Why it cannot take part; none when it can.
    pub fn missing(self, tools: &Tools) -> Option<&'static str> {
        (self == Self::EtcdDefrag && tools.etcd_defrag.is_none()).then_some("not found")
    }

    /// The command line that is run inside master-1.
    pub fn line(self, lab: &Lab, tools: &Tools, scratch: &Path) -> Result<Line> {
        let rescue = ["recover", "--yes", "-w", "json"];
        Ok(match self {
            Self::Article => article(lab, scratch, "")?,
            Self::ArticleWithSnapshot => article(lab, scratch, &format!("{PLACE}/article.db"))?,
            Self::EtcdDefrag => {
                let program = tools.etcd_defrag.clone().unwrap_or_default();
                etcd_defrag(lab, program, scratch)?
            }
            Self::Rescue => Line::new(&tools.rescue, &rescue),
            Self::RescueFullFirst => {
                let words = [&rescue[..2], &["--snapshot", "full-first"], &rescue[2..]].concat();
                Line::new(&tools.rescue, &words)
            }
        })
    }

    /// The path inside master-1 of the snapshot it took, and whether it says that
    /// it verified it itself.
    pub fn snapshot(self, ran: &Ran) -> Option<(PathBuf, bool)> {
        match self {
            Self::Article | Self::EtcdDefrag => None,
            Self::ArticleWithSnapshot => Some((format!("{PLACE}/article.db").into(), false)),
            Self::Rescue | Self::RescueFullFirst => {
                let answer: Value = serde_json::from_str(&ran.stdout).ok()?;
                let path = answer["snapshot"]["path"].as_str()?.into();
                Some((path, answer["snapshot"]["sha256"].is_string()))
            }
        }
    }
}

fn article(lab: &Lab, scratch: &Path, snapshot: &str) -> Result<Line> {
    let script = scratch.join("article.sh");
    fs::write(&script, ARTICLE)?;
    let (script, endpoints) = (script.display().to_string(), lab.endpoints().join(","));
    let etcdctl = lab.newest_release().etcdctl.display().to_string();
    Ok(Line::new("/bin/sh", &[&script, &etcdctl, &endpoints, snapshot]))
}

/// As its README says; its names for the disarm differ between versions, and a
/// disarm needs the quota.
fn etcd_defrag(lab: &Lab, program: PathBuf, scratch: &Path) -> Result<Line> {
    let help = measured::here(scratch, &Line::new(&program, &["--help"]))?;
    let help = help.stdout + &help.stderr;
    let quota = lab.spec().masters.iter().filter_map(|master| master.quota).min();
    let mut args = vec![
        "--endpoints=https://127.0.0.1:2379".to_owned(),
        "--cluster".to_owned(),
        format!("--cacert={PKI}/ca.crt"),
        format!("--cert={PKI}/healthcheck-client.crt"),
        format!("--key={PKI}/healthcheck-client.key"),
        "--command-timeout=30m".to_owned(),
        format!("--etcd-storage-quota-bytes={}", quota.unwrap_or(2 << 30)),
    ];
    let wanted = ["--compaction", "--auto-disalarm", "--auto-disarm"];
    args.extend(wanted.iter().filter(|flag| help.contains(**flag)).map(|flag| (*flag).to_owned()));
    Ok(Line { program, args, stdout: None })
}

/// The flags with which etcdctl reaches master-1's own member from inside.
pub fn etcdctl_flags() -> [String; 4] {
    [
        "--endpoints=https://127.0.0.1:2379".to_owned(),
        format!("--cacert={PKI}/ca.crt"),
        format!("--cert={PKI}/healthcheck-client.crt"),
        format!("--key={PKI}/healthcheck-client.key"),
    ]
}
