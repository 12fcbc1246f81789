//! The outage a contender is set before: a fresh lab, filled by real writes until
//! etcd refuses them. The same for every contender.

use anyhow::{Result, ensure};
use lab::{Fill, Lab, Release, Spec, Until};
use nix::sys::statvfs::statvfs;

use crate::table::size;

/// What fills the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Eight keys of 100 kB, written over and over: all but 1 MB is history.
    Churn,
    /// Half of the quota are keys of 10 kB each written once, the rest is churn.
    LiveHeavy,
    /// So many keys of 64 bytes, the rest is churn.
    Keys(u64),
    /// What API servers write; six sevenths of it are history.
    Kubernetes,
}

impl Load {
    pub fn name(self) -> String {
        match self {
            Self::Churn => "churn".to_owned(),
            Self::LiveHeavy => "half of it live".to_owned(),
            Self::Keys(count) => format!("{count} keys"),
            Self::Kubernetes => "objects of Kubernetes".to_owned(),
        }
    }
}

/// One kind of outage.
#[derive(Clone, Debug)]
pub struct Outage {
    pub etcd: Release,
    pub masters: usize,
    /// Bytes.
    pub quota: u64,
    pub load: Load,
}

impl Outage {
    /// `512 MiB churn, 3 masters`.
    pub fn name(&self) -> String {
        let masters =
            if self.masters == 1 { "1 master" } else { &format!("{} masters", self.masters) };
        format!("{}, {}, {masters}", size(self.quota), self.load.name())
    }

    /// Why this machine cannot hold it; none when it can. Every member is written
    /// twice (a defragmentation copies), a snapshot is saved and restored, and WALs
    /// and raft snapshots come on top.
    pub fn no_room(&self) -> Result<Option<String>> {
        let need = self.quota * (2 * self.masters as u64 + 3) + (1 << 30);
        no_room_for(need)
    }

    /// Raises and fills it, with this master in the lead.
    pub fn strike(&self, leader: usize) -> Result<Lab> {
        let lab =
            Lab::up(Spec::new(self.masters, std::slice::from_ref(&self.etcd)).quota(self.quota))?;
        let mut rest = Fill::churn();
        match self.load {
            Load::Churn => {}
            Load::Kubernetes => rest = Fill::Kubernetes,
            Load::LiveHeavy => {
                let objects = Fill::Objects { prefix: "/registry/objects/", value_bytes: 10_000 };
                lab.fill(objects, Until::Bytes(self.quota / 2))?;
            }
            Load::Keys(count) => {
                let objects = Fill::Objects { prefix: "/registry/small/", value_bytes: 64 };
                lab.fill(objects, Until::Puts(count))?;
            }
        }
        let report = lab.fill(rest, Until::Alarm)?;
        ensure!(report.refusal.is_some(), "etcd did not refuse a write");
        if self.masters > 1 {
            let leader = &lab.masters()[leader % self.masters];
            lab.move_leader(leader.name())?;
        }
        Ok(lab)
    }
}

/// Why the labs' disk cannot hold so many bytes; none when it can.
pub fn no_room_for(need: u64) -> Result<Option<String>> {
    let disk = statvfs(&lab::site::labs())?;
    let free = disk.blocks_available() * disk.fragment_size();
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    Ok((free < need).then(|| format!("{:.0} GiB are free, {:.0} needed", gib(free), gib(need))))
}
