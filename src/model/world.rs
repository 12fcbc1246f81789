//! The cluster as it was seen at one moment.

use super::{
    Alarm, AlarmKind, Equality, LiveData, Located, Member, MemberId, Revision, SickDisk,
    SnapshotPlace, order::InOrder,
};

/// One look at everything: this node and every member. Every step looks anew.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// When it was seen, nanoseconds since the epoch; 0 = not known.
    pub seen_at: i64,
    /// This node.
    pub node: Located,
    /// etcd's cluster id; 0 when no member answered.
    pub cluster_id: u64,
    /// The cluster that this node's etcd runs as, when that is another one than
    /// the other members'.
    pub foreign_id: Option<u64>,
    /// Every member of the member list.
    pub members: Vec<Member>,
    /// Directories that could take the snapshot, best first.
    pub snapshot_places: Vec<SnapshotPlace>,
    /// This node's disks below etcd that something speaks against; empty too
    /// when nobody looked.
    pub sick_disks: Vec<SickDisk>,
    /// How much of the database is live; `None` when that was not needed, or
    /// could not be counted.
    pub live: Option<LiveData>,
    /// Whether the voters hold the same data; `None` when nobody asked.
    pub equality: Option<Equality>,
    /// What could not be seen, in sentences.
    pub complaints: Vec<String>,
}

impl World {
    /// Every alarm any member knows of, without repetition.
    #[must_use]
    pub fn alarms(&self) -> Vec<Alarm> {
        let mut alarms: Vec<Alarm> = self
            .members
            .iter()
            .filter_map(|member| member.status.as_ref().ok())
            .flat_map(|status| status.alarms.iter().copied())
            .collect();
        alarms.order();
        alarms.dedup();
        alarms
    }

    /// Whether NOSPACE is on, by any member's word.
    #[must_use]
    pub fn has_nospace(&self) -> bool {
        self.alarms().iter().any(|alarm| alarm.kind == AlarmKind::NoSpace)
    }

    /// The highest revision a member told.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.members
            .iter()
            .filter_map(|member| member.status.as_ref().ok())
            .map(|status| status.revision)
            .max()
            .unwrap_or_default()
    }

    /// The leader most recent in term, by the members' own words.
    #[must_use]
    pub fn leader(&self) -> Option<MemberId> {
        self.members
            .iter()
            .filter_map(|member| member.status.as_ref().ok())
            .filter(|status| status.leader.is_some())
            .max_by_key(|status| status.raft_term)
            .and_then(|status| status.leader)
    }

    /// Whom a name or a hex id typed by a person means.
    #[must_use]
    pub fn member_called(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.is_called(name))
    }

    /// How many voters make a quorum.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.voters().count() / 2 + 1
    }

    /// The member with this id.
    #[must_use]
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// Members that vote.
    pub fn voters(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.learner)
    }
}
