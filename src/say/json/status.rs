//! `status -w json`.

use serde::Serialize;

use super::{DiskAnswer, KubeletAnswer, RestartAnswer, text};
use crate::model::{Member, MemberId, QuotaSource, Revision, World};

/// The answer of `status`.
#[derive(Clone, Debug, Serialize)]
pub struct StatusAnswer {
    cluster_id: Option<String>,
    revision: Option<Revision>,
    leader: Option<MemberId>,
    members: Vec<MemberAnswer>,
    alarms: Vec<AlarmAnswer>,
    disk: Option<DiskAnswer>,
    /// Directories of this node that did not answer in time.
    hanging: Vec<String>,
    restart: Option<RestartAnswer>,
    kubelet: Option<KubeletAnswer>,
    complaints: Vec<String>,
}

/// One member. Numbers are null when it did not answer.
#[derive(Clone, Debug, Serialize)]
pub struct MemberAnswer {
    id: MemberId,
    name: String,
    endpoint: String,
    local: bool,
    reachable: bool,
    error: Option<String>,
    version: Option<String>,
    role: &'static str,
    leader: Option<bool>,
    learner: bool,
    db_size: Option<u64>,
    db_size_in_use: Option<u64>,
    /// null when it is switched off, too: see `quota_off`.
    quota: Option<u64>,
    quota_off: Option<bool>,
    quota_source: Option<&'static str>,
    /// Those this member raised.
    alarms: Vec<String>,
    errors: Vec<String>,
    revision: Option<Revision>,
    raft_term: Option<u64>,
    raft_index: Option<u64>,
    raft_applied_index: Option<u64>,
}

/// One alarm of the cluster.
#[derive(Clone, Debug, Serialize)]
pub struct AlarmAnswer {
    member_id: MemberId,
    alarm: String,
}

impl StatusAnswer {
    /// The world as a document.
    #[must_use]
    pub fn new(world: &World) -> Self {
        let answered = world.members.iter().any(|member| member.status.is_ok());
        let alarm = |alarm: &crate::model::Alarm| AlarmAnswer {
            member_id: alarm.member,
            alarm: alarm.kind.to_string(),
        };
        Self {
            cluster_id: (world.cluster_id != 0).then(|| format!("{:x}", world.cluster_id)),
            revision: answered.then(|| world.revision()),
            leader: world.leader(),
            members: world.members.iter().map(|member| MemberAnswer::new(member, world)).collect(),
            alarms: world.alarms().iter().map(alarm).collect(),
            disk: DiskAnswer::of(&world.node),
            hanging: world.node.hanging.iter().map(|path| text(path)).collect(),
            restart: None,
            kubelet: world.node.kubelet.as_ref().map(KubeletAnswer::from),
            complaints: world.complaints.iter().chain(&world.node.complaints).cloned().collect(),
        }
    }

    /// With why this node's etcd was restarted, or is down.
    #[must_use]
    pub fn with_restart(self, restart: Option<RestartAnswer>) -> Self {
        Self { restart, ..self }
    }
}

impl MemberAnswer {
    fn new(member: &Member, world: &World) -> Self {
        let status = member.status.as_ref().ok();
        let alarms = world.alarms();
        let raised = alarms.iter().filter(|alarm| alarm.member == member.id);
        Self {
            id: member.id,
            name: member.name.clone(),
            endpoint: member.endpoint.clone(),
            local: member.local,
            reachable: status.is_some(),
            error: member.status.as_ref().err().map(ToString::to_string),
            version: status.map(|status| status.version_text.clone()),
            role: member.role(),
            leader: status.map(|_| member.is_leader()),
            learner: member.learner,
            db_size: status.map(|status| status.db_size.0),
            db_size_in_use: status.map(|status| status.db_size_in_use.0),
            quota: status.and_then(|status| status.quota.limit).map(|limit| limit.0),
            quota_off: status.map(|status| status.quota.limit.is_none()),
            quota_source: status.map(|status| source(status.quota.source)),
            alarms: raised.map(|alarm| alarm.kind.to_string()).collect(),
            errors: status.map(|status| status.errors.clone()).unwrap_or_default(),
            revision: status.map(|status| status.revision),
            raft_term: status.map(|status| status.raft_term),
            raft_index: status.map(|status| status.raft_index),
            raft_applied_index: status.map(|status| status.raft_applied_index),
        }
    }
}

/// Whose word a quota is, as one stable word.
pub(super) fn source(source: QuotaSource) -> &'static str {
    match source {
        QuotaSource::Status => "status",
        QuotaSource::Metric => "metric",
        QuotaSource::Args => "args",
        QuotaSource::Default => "default",
        QuotaSource::Assumed => "assumed",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::say::human::testing::{freeable, world};

    fn status(world: &World) -> Value {
        serde_json::to_value(StatusAnswer::new(world)).unwrap()
    }

    #[test]
    fn the_promised_keys_are_there() {
        let json = status(&world());
        assert_eq!(json["cluster_id"], "cdf818194e3a8c32");
        assert_eq!(json["revision"], 18_231);
        assert_eq!(json["alarms"], json!([{"member_id": "8e9e05c52164694d", "alarm": "NOSPACE"}]));
        let first = &json["members"][0];
        for (key, value) in [
            ("id", json!("8e9e05c52164694d")),
            ("name", json!("master-1")),
            ("endpoint", json!("https://10.0.0.11:2379")),
            ("reachable", json!(true)),
            ("error", json!(null)),
            ("version", json!("3.5.16")),
            ("leader", json!(true)),
            ("learner", json!(false)),
            ("db_size", json!(67_213_722)),
            ("db_size_in_use", json!(3_355_444)),
            ("quota", json!(67_108_864)),
            ("quota_source", json!("metric")),
            ("alarms", json!(["NOSPACE"])),
            ("raft_index", json!(20_100)),
            ("raft_applied_index", json!(20_100)),
        ] {
            assert_eq!(first.get(key), Some(&value), "{key}");
        }
        assert_eq!(json["members"][1]["alarms"], json!([]), "raised by master-1 only");
        assert_eq!(json["members"][1]["leader"], false);
        assert_eq!(json["disk"]["available"], 3_328_599_654_u64);
        assert_eq!(json["disk"]["leftovers"][0]["bytes"], 12 << 20);
        assert_eq!(json["complaints"], json!([]));
    }

    #[test]
    fn what_could_make_room_is_part_of_the_disk() {
        let mut world = world();
        assert_eq!(status(&world)["disk"]["freeable"], json!([]));
        world.node.freeable = freeable();
        let disk = world.node.disk.as_mut().unwrap();
        disk.orphans.clone_from(&disk.leftovers);
        let json = status(&world);
        assert_eq!(
            json["disk"]["freeable"][0],
            json!({"kind": "rotated_logs", "bytes": 34_603_009, "paths": ["/l/0.log.1"],
                   "command": "find /var/log/pods -delete"})
        );
        assert_eq!(json["disk"]["freeable"][1]["kind"], "unused_images");
        assert_eq!(json["disk"]["leftovers"][0]["orphaned"], true);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let mut world = world();
        world.cluster_id = 0;
        world.node.disk = None;
        for member in &mut world.members {
            member.status = Err("connection refused".into());
        }
        let json = status(&world);
        for key in ["cluster_id", "revision", "leader", "disk"] {
            assert_eq!(json[key], Value::Null, "{key}");
        }
        let first = &json["members"][0];
        assert_eq!(first["reachable"], false);
        assert_eq!(first["error"], "connection refused");
        for key in ["version", "leader", "db_size", "quota", "raft_index", "quota_source"] {
            assert_eq!(first.get(key), Some(&Value::Null), "{key}");
        }
    }
}
