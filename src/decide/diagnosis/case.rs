//! An examination with what follows from it directly: each member's numbers
//! and pace, each drive's facts, each device over all windows. The rules read
//! it; it judges nothing.

use std::collections::BTreeSet;

use super::{
    device::{Device, devices},
    drive::drive_facts,
    members::member_numbers,
    members::pace::{Pace, pace},
    members::slow_voter,
};
use crate::model::{
    ContainerState, Member,
    diagnosis::{
        DriveFacts, Examined, LeafDisk, MemberNumbers, MemberView, Place, PlaceRole, SlowBy,
        SlowVoter,
    },
};

const SECOND: i64 = 1_000_000_000;

/// One member with its numbers.
#[derive(Debug)]
pub(super) struct Patient<'a> {
    pub(super) member: &'a Member,
    pub(super) label: String,
    pub(super) view: Option<&'a MemberView>,
    pub(super) numbers: MemberNumbers,
    pub(super) fsync: Pace,
}

/// All that is known, sorted for the rules.
#[derive(Debug)]
pub(super) struct Case<'a> {
    pub(super) examined: &'a Examined,
    pub(super) patients: Vec<Patient<'a>>,
    pub(super) drives: Vec<DriveFacts>,
    pub(super) devices: Vec<Device>,
    pub(super) slow_voter: Option<SlowVoter>,
}

impl<'a> Case<'a> {
    /// What follows from an examination.
    pub(super) fn of(examined: &'a Examined) -> Self {
        let members = examined.world.iter().flat_map(|world| &world.members);
        let slow_voter = slow_voter(examined);
        Self {
            examined,
            patients: members
                .map(|member| Patient::of(member, examined, slow_voter.as_ref()))
                .collect(),
            drives: examined.drives.iter().filter_map(drive_facts).collect(),
            devices: devices(examined),
            slow_voter,
        }
    }

    /// The member of this node.
    pub(super) fn here(&self) -> Option<&Patient<'a>> {
        self.patients.iter().find(|patient| patient.member.local)
    }

    /// Members other than this one that vote.
    pub(super) fn other_voters(&self, than: &Patient) -> impl Iterator<Item = &Patient<'a>> {
        let id = than.member.id;
        self.patients.iter().filter(move |other| other.member.id != id && !other.member.learner)
    }

    /// Whether this node's etcd syncs slowly.
    pub(super) fn is_slow_here(&self) -> bool {
        self.here().is_some_and(|here| here.fsync.is_slow())
    }

    /// Whether this node's etcd was measured and syncs well enough.
    pub(super) fn is_well_here(&self) -> bool {
        let well = |pace| matches!(pace, Pace::Fine | Pace::Unsure);
        self.here().is_some_and(|here| well(here.fsync))
    }

    /// etcd's disks on this node.
    pub(super) fn leaves(&self) -> &'a [LeafDisk] {
        self.examined.below.as_ref().map_or(&[], |below| &below.leaves)
    }

    /// The directory the WAL is in.
    pub(super) fn wal_place(&self) -> Option<&'a Place> {
        let places = &self.examined.below.as_ref()?.places;
        let with = |role| places.iter().find(|place| place.role == role);
        with(PlaceRole::WalDir).or_else(|| with(PlaceRole::DataDir))
    }

    /// The disks below the WAL: all of etcd's when the way down is not known.
    pub(super) fn wal_leaves(&self) -> Vec<&'a LeafDisk> {
        let below = self.wal_place().map(|place| self.below(&place.devices)).unwrap_or_default();
        let on_the_way: Vec<&LeafDisk> =
            self.leaves().iter().filter(|leaf| below.contains(leaf.name.as_str())).collect();
        if on_the_way.is_empty() { self.leaves().iter().collect() } else { on_the_way }
    }

    /// Every device at or below these.
    fn below(&self, tops: &'a [String]) -> BTreeSet<&'a str> {
        let layers = self.examined.below.as_ref().map_or(&[][..], |below| &below.layers);
        let mut found = BTreeSet::new();
        let mut to_visit: Vec<&str> = tops.iter().map(String::as_str).collect();
        while let Some(name) = to_visit.pop() {
            if found.insert(name) {
                let here = layers.iter().filter(|layer| layer.name == name);
                to_visit.extend(here.flat_map(|layer| &layer.below).map(String::as_str));
            }
        }
        found
    }

    /// The one disk below the WAL; `None` when there are several or none.
    pub(super) fn wal_leaf(&self) -> Option<&'a LeafDisk> {
        match self.wal_leaves()[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// "sda (Micron_5300_MTFDDAK960TDS, serial 1234)".
    pub(super) fn disk_label(&self, name: &str) -> String {
        let facts = self.drives.iter().find(|drive| drive.disk == name);
        if let Some(facts) = facts.filter(|facts| !facts.label.is_empty()) {
            return format!("{name} ({})", facts.label);
        }
        let leaf = self.leaves().iter().find(|leaf| leaf.name == name);
        let model = leaf.and_then(|leaf| leaf.model.clone());
        let serial = leaf.and_then(|leaf| Some(format!("serial {}", leaf.serial.as_ref()?)));
        let told: Vec<String> = [model, serial].into_iter().flatten().collect();
        if told.is_empty() { name.to_owned() } else { format!("{name} ({})", told.join(", ")) }
    }

    /// What was measured of a device.
    pub(super) fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    /// How long ago, nanoseconds; not below zero.
    pub(super) fn since(&self, at: i64) -> i64 {
        self.examined.at.saturating_sub(at).max(0)
    }

    /// Whether something at this time concerns the etcd that runs here now: it
    /// happened since its start (or just now, where that is not known), or shortly
    /// enough before to have caused it. What was never restarted was not there
    /// before its start.
    pub(super) fn concerns_this_etcd(&self, at: i64) -> bool {
        let container = self.examined.world.as_ref().and_then(|it| it.node.container.as_ref());
        let first = container.is_some_and(|container| container.restarts == 0);
        match self.started_at() {
            Some(started) if first => at >= started,
            started => at >= started.unwrap_or(self.examined.at).saturating_sub(600 * SECOND),
        }
    }

    /// When this node's etcd was started, by the runtime.
    pub(super) fn started_at(&self) -> Option<i64> {
        let container = self.examined.world.as_ref()?.node.container.as_ref()?;
        let runs = container.state == ContainerState::Running && container.started_at > 0;
        runs.then_some(container.started_at)
    }

    /// The host pid of this node's etcd.
    pub(super) fn pid(&self) -> Option<i32> {
        let node = &self.examined.world.as_ref()?.node;
        let container = node.container.as_ref().and_then(|container| container.pid);
        container.or(node.process.as_ref().map(|process| process.pid))
    }
}

impl<'a> Patient<'a> {
    /// One or two fsyncs prove nothing by themselves; that the others made
    /// many quick ones meanwhile proves them slow.
    fn of(member: &'a Member, examined: &'a Examined, slow: Option<&SlowVoter>) -> Self {
        let view = examined.views.iter().find(|view| view.id == member.id);
        let numbers = view.map(member_numbers).unwrap_or_default();
        let mut fsync = pace(numbers.fsync.as_ref(), numbers.fsync_since_start.as_ref());
        let stands_out = slow.filter(|slow| slow.id == member.id && slow.by == SlowBy::Fsync);
        if stands_out.and_then(|slow| slow.takes_ms).is_some_and(|ms| ms >= 64.0) {
            fsync = fsync.max(Pace::Slow);
        }
        Self { member, label: member.label(), view, numbers, fsync }
    }

    /// "master-2", or "master-1, this node".
    pub(super) fn whose(&self) -> String {
        if self.member.local { format!("{} (this node)", self.label) } else { self.label.clone() }
    }

    /// What to type to look at this member's own disk, from here.
    pub(super) fn look_there(&self) -> String {
        match self.member.host().filter(|_| !self.member.local) {
            Some(host) => {
                let login = host.trim_matches(['[', ']']);
                format!(
                    "`scp etcd-rescue root@{host}: && ssh -t root@{login} ./etcd-rescue diagnose`"
                )
            }
            None => format!("`etcd-rescue diagnose` on {}", self.label),
        }
    }
}
