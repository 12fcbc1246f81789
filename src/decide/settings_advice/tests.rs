//! What is advised, release by release and keeper by keeper.

use super::*;
use crate::model::{
    Bytes, DiskTimes, Found, Member, MemberId, MemberStatus, Probe, ProbeKind, ProbeTiming,
    Process, Quota, Revision,
};

const KUBEADM: &str = "/etc/kubernetes/manifests/etcd.yaml";
const RKE2: &str = "/var/lib/rancher/rke2/agent/pod-manifests/etcd.yaml";

fn member(version: &str, db_size: u64) -> Member {
    Member {
        id: MemberId(1),
        name: "master-1".into(),
        endpoint: String::new(),
        local: true,
        learner: false,
        defragmenting: false,
        open_snapshots: None,
        disk_times: DiskTimes::default(),
        status: Ok(MemberStatus {
            version: version.parse().ok(),
            version_text: version.into(),
            db_size: Bytes(db_size),
            db_size_in_use: Bytes(0),
            quota: Quota::DEFAULT,
            leader: None,
            learner: false,
            alarms: Vec::new(),
            errors: Vec::new(),
            revision: Revision(1),
            raft_term: 1,
            raft_index: 1,
            raft_applied_index: 1,
        }),
    }
}

/// A master with this manifest: flags by blanks, and the liveness probe.
fn master(path: &str, version: &str, flags: &str, liveness: &str) -> World {
    let timing = ProbeTiming { initial_delay: 10, period: 10, timeout: 15, failure_threshold: 8 };
    let probe =
        Probe { kind: ProbeKind::Liveness, path: liveness.to_owned(), port: Some(2381), timing };
    let mut world = World { members: vec![member(version, 1 << 30)], ..World::default() };
    world.node.manifest = Some(Manifest {
        path: path.into(),
        args: ["etcd"].into_iter().chain(flags.split_whitespace()).map(str::to_owned).collect(),
        probes: vec![probe],
    });
    world.node.memory = Some(Bytes(16 << 30));
    world
}

fn wishes() -> PreventWishes {
    PreventWishes {
        auto_compaction: Some(("periodic".into(), "1h".into())),
        quota: None,
        snapshot_count: None,
        bootstrap_defrag: None,
        probes: false,
    }
}

fn nothing() -> PreventWishes {
    PreventWishes { auto_compaction: None, ..wishes() }
}

/// "name: now [source] -> wanted", with a star where the manifest is edited.
fn table(advice: &SettingsAdvice) -> String {
    let row = |it: &SettingAdvice| {
        let star = if it.edit.is_some() { " *" } else { "" };
        format!(
            "{}: {} [{}] -> {}{star}\n",
            it.name,
            it.now.as_deref().unwrap_or("?"),
            it.source,
            it.wanted.as_deref().unwrap_or("fine")
        )
    };
    advice.settings.iter().map(row).collect()
}

#[test]
fn a_kubeadm_master_as_it_comes() {
    let flags = "--snapshot-count=10000 --listen-metrics-urls=http://127.0.0.1:2381";
    let world = master(KUBEADM, "3.5.15", flags, "/health?exclude=NOSPACE&serializable=true");
    let advice = settings_advice(&world, &wishes());
    assert_eq!(
        table(&advice),
        "\
auto-compaction-mode: periodic [default of etcd 3.5.15] -> periodic *
auto-compaction-retention: 0 [default of etcd 3.5.15] -> 1h *
quota-backend-bytes: 2147483648 [default of etcd 3.5.15] -> fine
snapshot-count: 10000 [/etc/kubernetes/manifests/etcd.yaml] -> fine
experimental-bootstrap-defrag-threshold-megabytes: 0 [default of etcd 3.5.15] -> fine
listen-metrics-urls: http://127.0.0.1:2381 [/etc/kubernetes/manifests/etcd.yaml] -> fine
liveness probe: /health?exclude=NOSPACE&serializable=true [/etc/kubernetes/manifests/etcd.yaml] \
-> fine
"
    );
    assert_eq!((advice.refusals, advice.cautions), (Vec::new(), Vec::new()));
    let quota = advice.settings.iter().find(|it| it.name == "quota-backend-bytes");
    assert!(quota.is_some_and(|it| it.why.contains("--quota 8GiB")), "{quota:?}");
    let lasting = advice.lasting.join("\n");
    for part in [
        "kubectl -n kube-system edit cm kubeadm-config",
        "          auto-compaction-retention: \"1h\"\n",
        "        - name: auto-compaction-retention\n          value: \"1h\"",
        "etcd_compaction_retention: \"1h\"",
    ] {
        assert!(lasting.contains(part), "{part} is not in {lasting}");
    }
}

#[test]
fn what_is_fine_is_left_alone() {
    let flags = "--auto-compaction-mode=revision --auto-compaction-retention=1000";
    let world = master(KUBEADM, "3.6.4", flags, "/livez");
    let advice = settings_advice(&world, &nothing());
    assert!(table(&advice).lines().all(|line| line.ends_with("-> fine")), "{}", table(&advice));
    assert!(advice.edits().is_empty() && advice.lasting.is_empty());
    let set = "--auto-compaction-mode=periodic --auto-compaction-retention=1h";
    let advice = settings_advice(&master(KUBEADM, "3.6.4", set, "/livez"), &wishes());
    assert!(advice.edits().is_empty() && advice.lasting[0].contains("kubeadm"), "it has to last");
    let advice = settings_advice(&world, &wishes());
    assert_eq!(advice.edits().len(), 2);
    assert!(advice.cautions[0].contains("retention of 1000; --keep"), "{:?}", advice.cautions);
}

#[test]
fn no_release_gets_a_flag_or_a_path_it_does_not_know() {
    let wishes = PreventWishes { bootstrap_defrag: Some(100), probes: true, ..nothing() };
    for (version, expected) in [
        ("3.4.15", "refused bootstrap refused probes"),
        ("3.4.16", "refused bootstrap; /health?exclude=NOSPACE"),
        ("3.4.29", "refused bootstrap; /livez"),
        ("3.5.2", "experimental-bootstrap; /health?exclude=NOSPACE"),
        ("3.5.9", "experimental-bootstrap; /health?exclude=NOSPACE&serializable=true"),
        ("3.5.11", "experimental-bootstrap; /livez"),
        ("3.6.0", "bootstrap; /livez"),
    ] {
        let advice = settings_advice(&master(KUBEADM, version, "", "/health"), &wishes);
        let refused = advice.refusals.iter().map(|it| match it.what.contains("health check") {
            true => "refused probes".to_owned(),
            false => "refused bootstrap;".to_owned(),
        });
        let edits = advice.edits();
        let made = edits.iter().map(|edit| match edit {
            ManifestEdit::Flag { name, .. } => name.replace("-defrag-threshold-megabytes", ";"),
            ManifestEdit::ProbePath { path, .. } => path.clone(),
            ManifestEdit::HostPath { .. } | ManifestEdit::HostPathHasToExist { .. } => {
                String::new()
            }
        });
        let all: Vec<String> = refused.chain(made).collect();
        let expected = match expected {
            "refused bootstrap refused probes" => "refused bootstrap; refused probes",
            other => other,
        };
        assert_eq!(all.join(" "), expected, "{version}");
    }
    let unknown = settings_advice(&master(KUBEADM, "unknown", "", "/health"), &wishes);
    assert!(unknown.refusals[0].what.contains("cannot be told") && unknown.edits().is_empty());
}

#[test]
fn a_probe_that_kills_a_full_etcd_is_said_also_unasked() {
    for (version, path, wanted, why) in [
        ("3.5.15", "/health", Some("/livez"), "kills etcd again and again; --probes"),
        ("3.5.9", "/livez", Some("/health?exclude=NOSPACE&serializable=true"), "does not know"),
        ("3.5.1", "/health?exclude=NOSPACE", None, "one alarm only"),
        ("3.5.15", "/health?exclude=NOSPACE", None, "leaves NOSPACE out"),
        ("3.4.3", "/health", None, "3.4.16 and later"),
        ("3.5.15", "/livez?verbose", None, "good: NOSPACE does not make it fail"),
        ("3.5.15", "/own", None, "that we know"),
    ] {
        let advice = settings_advice(&master(KUBEADM, version, "", path), &nothing());
        let row = advice.settings.iter().find(|it| it.name == "liveness probe");
        let Some(row) = row else { panic!("no row") };
        assert_eq!((row.wanted.as_deref(), &row.edit), (wanted, &None), "{version} {path}");
        assert!(row.why.contains(why), "{}", row.why);
    }
}

#[test]
fn a_quota_has_its_bounds() {
    let ask = |gib: u64, now: &str| {
        let flags = format!("--quota-backend-bytes={now}");
        let wishes = PreventWishes { quota: Some(Bytes(gib << 30)), ..nothing() };
        settings_advice(&master(KUBEADM, "3.5.15", &flags, "/livez"), &wishes)
    };
    assert_eq!(ask(4, "0").refusals, []);
    assert_eq!(ask(4, "-1").refusals, [], "switched off is not larger");
    assert!(ask(9, "0").refusals[0].what.contains("more than the 8 GiB"));
    assert!(ask(1, "0").refusals[0].what.contains("master-1 is 1.0 GiB"));
    assert!(ask(4, "8589934592").refusals[0].what.contains("never lowered"));
    let mut small = master(KUBEADM, "3.5.15", "", "/livez");
    small.node.memory = Some(Bytes(4 << 30));
    let wishes = PreventWishes { quota: Some(Bytes(4 << 30)), ..nothing() };
    let advice = settings_advice(&small, &wishes);
    assert!(advice.refusals.is_empty(), "more than half of the memory is a caution");
    assert!(advice.cautions.iter().any(|text| text.contains("more than half")));
}

#[test]
fn values_etcd_may_not_take_are_a_caution_and_no_refusal() {
    let wishes =
        PreventWishes { auto_compaction: Some(("periodic".into(), "banana".into())), ..wishes() };
    let advice = settings_advice(&master(KUBEADM, "3.5.15", "", "/livez"), &wishes);
    assert_eq!((advice.refusals.len(), advice.edits().len()), (0, 2));
    assert!(advice.cautions[0].contains("comes back by itself"), "{:?}", advice.cautions);
}

#[test]
fn where_somebody_else_writes_the_settings_there_are_lines_for_him() {
    let flags = "--config-file=/var/lib/rancher/rke2/server/db/etcd/config";
    let mut rke2 = master(RKE2, "3.5.16", flags, "/health?serializable=true");
    rke2.node.quota = Some(Found::new(Quota::DEFAULT, "quota-backend-bytes in config"));
    let mut service = World { members: vec![member("3.5.16", 1)], ..World::default() };
    service.node.process = Some(Process {
        pid: 7,
        args: vec!["etcd".into()],
        env: vec!["ETCD_SNAPSHOT_COUNT=5000".into()],
        comm: "etcd".into(),
    });
    for (world, line) in [
        (&rke2, "    - auto-compaction-retention=1h\n"),
        (&service, "    ETCD_AUTO_COMPACTION_RETENTION=1h\n"),
    ] {
        let advice = settings_advice(world, &wishes());
        assert!(advice.edits().is_empty() && advice.lasting.is_empty());
        let [refusal] = &advice.refusals[..] else { panic!("{:?}", advice.refusals) };
        assert!(refusal.next.contains(line), "{}", refusal.next);
        assert!(settings_advice(world, &nothing()).refusals.is_empty());
    }
    let shown = table(&settings_advice(&rke2, &nothing()));
    assert!(shown.contains("snapshot-count: ? [etcd's --config-file] -> fine"), "{shown}");
    assert!(shown.contains("2147483648 [quota-backend-bytes in config]"), "{shown}");
    let shown = table(&settings_advice(&service, &nothing()));
    assert!(shown.contains("snapshot-count: 5000 [variable ETCD_SNAPSHOT_COUNT]"), "{shown}");
}

#[test]
fn a_manifest_of_somebody_else_is_edited_with_a_caution() {
    let world = master("/srv/pods/etcd.yaml", "3.5.16", "", "/livez");
    let advice = settings_advice(&world, &wishes());
    assert_eq!((advice.edits().len(), advice.refusals.len()), (2, 0));
    assert!(advice.cautions[0].contains("may overwrite it"), "{:?}", advice.cautions);
    assert!(advice.lasting[0].contains("may write it anew"));
}
