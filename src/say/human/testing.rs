//! Worlds and plans for the renderers' tests.

use std::path::PathBuf;

use crate::model::{
    Alarm, AlarmKind, Bytes, Certificate, CertificateRole, Container, ContainerState, DataDir,
    EtcdVersion, Filesystem, Found, Freeable, FreeableKind, Located, Manifest, Member, MemberId,
    MemberStatus, Plan, Probe, ProbeKind, ProbeTiming, Process, Quota, QuotaSource, Revision,
    Runtime, Step, StepKind, World,
    layout::{Clues, tell},
};

const IDS: [u64; 3] = [0x8e9e_05c5_2164_694d, 0x91bc_3c39_8fb3_c146, 0xfd42_2379_fda5_0e48];
/// 2026-11-23T03:00:00Z.
pub(crate) const NOW: i64 = 1_795_402_800;

pub(crate) fn assert_fits(text: &str, width: usize) {
    for line in text.lines() {
        assert!(line.chars().count() <= width, "wider than {width}: {line}");
        assert_eq!(line, line.trim_end(), "trailing space");
    }
    assert!(!text.ends_with('\n'));
}

fn tenths_of_mib(tenths: u64) -> Bytes {
    Bytes((tenths << 20) / 10 + 1)
}

fn member(index: usize, db_size: Bytes) -> Member {
    let nospace = Alarm { member: MemberId(IDS[0]), kind: AlarmKind::NoSpace };
    Member {
        id: MemberId(IDS[index]),
        name: format!("master-{}", index + 1),
        endpoint: format!("https://10.0.0.1{}:2379", index + 1),
        local: index == 0,
        learner: false,
        defragmenting: false,
        open_snapshots: None,
        disk_times: crate::model::DiskTimes::default(),
        status: Ok(MemberStatus {
            version: Some(EtcdVersion::new(3, 5, 16)),
            version_text: "3.5.16".into(),
            db_size,
            db_size_in_use: tenths_of_mib(32),
            quota: Quota { limit: Some(Bytes(64 << 20)), source: QuotaSource::Metric },
            leader: Some(MemberId(IDS[0])),
            learner: false,
            alarms: vec![nospace],
            errors: vec![],
            revision: Revision(if index == 2 { 18_230 } else { 18_231 }),
            raft_term: 4,
            raft_index: 20_100,
            raft_applied_index: if index == 2 { 20_099 } else { 20_100 },
        }),
    }
}

/// What could make room, with and without another way.
pub(crate) fn freeable() -> Vec<Freeable> {
    let one = |kind, tenths, path: &str, command: &str, otherwise: Option<&str>| Freeable {
        kind,
        bytes: tenths_of_mib(tenths),
        paths: vec![path.into()],
        command: command.to_owned(),
        otherwise: otherwise.map(str::to_owned),
    };
    let other = Some("ctr images rm old:1");
    vec![
        one(FreeableKind::RotatedLogs, 330, "/l/0.log.1", "find /var/log/pods -delete", None),
        one(FreeableKind::UnusedImages, 12_288, "old:1", "crictl rmi a1", other),
    ]
}

pub(crate) fn world() -> World {
    World {
        seen_at: NOW * 1_000_000_000,
        live: None,
        equality: None,
        sick_disks: Vec::new(),
        snapshot_places: Vec::new(),
        node: located(),
        cluster_id: 0xcdf8_1819_4e3a_8c32,
        foreign_id: None,
        members: vec![
            member(0, tenths_of_mib(641)),
            member(1, tenths_of_mib(621)),
            member(2, tenths_of_mib(639)),
        ],
        complaints: vec![],
    }
}

fn step(id: &str, index: usize, kind: StepKind) -> Step {
    Step {
        id: id.into(),
        member: Some(MemberId(IDS[index])),
        member_name: format!("master-{}", index + 1),
        endpoint: format!("https://10.0.0.1{}:2379", index + 1),
        kind,
    }
}

pub(crate) fn plan() -> Plan {
    let defragment = |index: usize, tenths, leader| {
        let kind = StepKind::Defragment {
            revision: Revision(18_231),
            db_size: tenths_of_mib(tenths),
            expected_stall_ms: 4_000,
            stall_basis: None,
            leader,
            undo: crate::model::Undo::Elsewhere,
        };
        step(&format!("defrag:master-{}", index + 1), index, kind)
    };
    let whole =
        |id: &str, kind| Step { member: None, member_name: String::new(), ..step(id, 0, kind) };
    let alarm = Alarm { member: MemberId(IDS[0]), kind: AlarmKind::NoSpace };
    Plan {
        id: "3f9a2c".into(),
        cause: "The database of master-1 reached its quota of 64.0 MiB, so etcd raised NOSPACE \
                and refuses every write. 95 % of it are free pages that only a defragmentation \
                gives back."
            .into(),
        revision: Revision(18_231),
        order: None,
        saved: None,
        steps: vec![
            step(
                "snapshot",
                1,
                StepKind::Snapshot {
                    path: "/var/backups/etcd-rescue/before.db".into(),
                    sick_disk: None,
                    expected: Bytes(641 << 20),
                    small: false,
                },
            ),
            whole("compact", StepKind::Compact { revision: Revision(18_231) }),
            defragment(1, 621, false),
            defragment(2, 639, false),
            defragment(0, 641, true),
            whole("disarm", StepKind::Disarm { alarms: vec![alarm] }),
            whole("verify", StepKind::Verify),
        ],
        cautions: vec![
            "The liveness probe of this node fails while NOSPACE is on: the kubelet may restart \
             etcd in the middle of it."
                .into(),
        ],
    }
}

fn found(path: &str, source: &str) -> Option<Found<PathBuf>> {
    Some(Found::new(path.into(), source))
}

fn certificate(role: CertificateRole, file: &str, days: i64) -> Certificate {
    Certificate {
        role,
        path: format!("/etc/kubernetes/pki/etcd/{file}").into(),
        subject: "CN=master-1".into(),
        not_before: NOW - 400 * 86_400,
        not_after: NOW + days * 86_400 + 60 * days.signum(),
    }
}

fn container() -> Container {
    let second = 1_000_000_000;
    Container {
        id: "0f3c9a7be112d4d1f6a0c8e2b7d95c1a3e4f60718293a4b5c6d7e8f901234567".into(),
        name: "etcd".into(),
        pod: "etcd-master-1".into(),
        namespace: "kube-system".into(),
        state: ContainerState::Running,
        created_at: (NOW - 185) * second,
        started_at: (NOW - 184) * second,
        finished_at: 0,
        exit_code: 0,
        reason: String::new(),
        restarts: 14,
        image: "registry.example/etcd:3.5.16-0".into(),
        log_path: Some(
            "/var/log/pods/kube-system_etcd-master-1_0123456789abcdef0123456789abcdef/etcd/14.log"
                .into(),
        ),
        pid: Some(4711),
        args: vec!["etcd".into(), "--quota-backend-bytes=67108864".into()],
        env: vec!["ETCDCTL_PASSWORD=hunter2".into(), "ETCD_SNAPSHOT_COUNT=10000".into()],
        mounts: vec![],
    }
}

pub(crate) fn located() -> Located {
    let timing = ProbeTiming { initial_delay: 10, period: 10, timeout: 15, failure_threshold: 8 };
    let flag = |name: &str| format!("flag --{name} of the container");
    let path = "/etc/kubernetes/manifests/etcd.yaml".into();
    let clues = Clues { paths: vec![("manifest", path)], ..Clues::default() };
    Located {
        layout: Some(tell(&clues)),
        kubelet: None,
        last_end: None,
        stopped: None,
        freeable: Vec::new(),
        hanging: Vec::new(),
        siblings: Vec::new(),
        runtime: Some(Runtime {
            socket: Found::new("/run/containerd/containerd.sock".into(), "default path"),
            name: "containerd".into(),
            version: "1.7.24".into(),
            api: "v1",
        }),
        container: Some(container()),
        process: Some(Process {
            pid: 4711,
            args: vec!["etcd".into()],
            env: vec![],
            comm: "etcd".into(),
        }),
        manifest: Some(Manifest {
            path: "/etc/kubernetes/manifests/etcd.yaml".into(),
            args: vec![],
            probes: vec![Probe {
                kind: ProbeKind::Liveness,
                path: "/health?serializable=true".into(),
                port: Some(2381),
                timing,
            }],
        }),
        data_dir: found("/var/lib/etcd", &flag("data-dir")),
        endpoints: vec![Found::new("https://127.0.0.1:2379".into(), flag("listen-client-urls"))],
        ca: found("/etc/kubernetes/pki/etcd/ca.crt", &flag("trusted-ca-file")),
        cert: found("/etc/kubernetes/pki/etcd/healthcheck-client.crt", "beside the CA"),
        key: found("/etc/kubernetes/pki/etcd/healthcheck-client.key", "beside the CA"),
        certificates: vec![
            certificate(CertificateRole::Ca, "ca.crt", 3_285),
            certificate(CertificateRole::Client, "healthcheck-client.crt", 283),
            certificate(CertificateRole::Server, "server.crt", -12),
        ],
        metrics_url: Some(Found::new("http://127.0.0.1:2381".into(), flag("listen-metrics-urls"))),
        quota: Some(Found::new(
            Quota { limit: Some(Bytes(64 << 20)), source: QuotaSource::Args },
            flag("quota-backend-bytes"),
        )),
        version: Some(Found::new("3.5.16".into(), "image tag")),
        name: Some(Found::new("master-1".into(), flag("name"))),
        disk: Some(DataDir {
            path: "/var/lib/etcd".into(),
            filesystem: Filesystem {
                mount_point: "/var/lib/etcd".into(),
                kind: "ext4".into(),
                device: 2049,
                size: Bytes(40 << 30),
                available: Bytes((31 << 30) / 10),
            },
            used: Bytes(412 << 20),
            db_file: Some(tenths_of_mib(641)),
            leftovers: vec![("/var/lib/etcd/member/snap/db.tmp.1234567".into(), Bytes(12 << 20))],
            orphans: Vec::new(),
            undo_dir: None,
            undos: Vec::new(),
        }),
        memory: Some(Bytes(16 << 30)),
        compaction: None,
        wal_dir: None,
        complaints: vec![],
    }
}
