//! World in text -> plan in text: every rule of `decide` has a scenario in
//! `tests/scenarios/`. Run with UPDATE_SCENARIOS=1 to rewrite what is expected,
//! then read the difference.

use std::{fmt::Write as _, fs, path::Path};

use etcd_rescue::{
    decide::{Comeback, Decision, came_back, comes_back, decide, replace_silent, restart_story},
    model::{
        Alarm, AlarmKind, Bytes, Container, ContainerState, DataDir, DiskTimes, Equality,
        Filesystem, Found, Freeable, FreeableKind, Guardian, KubeletProcess, LastEnd, LiveData,
        Manifest, Member, MemberId, MemberStatus, Plan, Probe, ProbeKind, ProbeTiming, Process,
        Purgeable, Quota, QuotaSource, Revision, Scope, SickDisk, Silence, SilenceKind,
        SnapshotPlace, StepKind, Undo, Wishes, World,
        diagnosis::Histogram,
        layout::{ALL, Detected},
    },
};

const SEPARATOR: &str = "----\n";

#[test]
fn every_scenario_decides_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the scenario folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 10, "the scenarios are gone");
    let mut wrong = String::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a scenario");
        let (world, expected) = text.split_once(SEPARATOR).unwrap_or((&text, ""));
        let got = told(world);
        if std::env::var_os("UPDATE_SCENARIOS").is_some() {
            fs::write(&path, format!("{world}{SEPARATOR}{got}")).expect("writing");
        } else if got != expected {
            let _ = writeln!(wrong, "{}:\n{got}\nexpected:\n{expected}", path.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn told(scenario: &str) -> String {
    let (now, later) = match scenario.split_once("later\n") {
        Some((now, later)) => (now, Some(later)),
        None => (scenario, None),
    };
    let (world, wishes) = read(now);
    let mut out = String::new();
    match decide(&world, &wishes) {
        Decision::NothingToDo(why) => {
            let _ = writeln!(out, "nothing to do: {why}");
        }
        Decision::Refused(refusals) => {
            for refusal in refusals {
                let _ = writeln!(out, "refused {:?}: {}", refusal.kind, refusal.what);
                let _ = writeln!(out, "  next: {}", refusal.next);
            }
        }
        Decision::Go(plan) => {
            let _ = writeln!(out, "plan at revision {}", plan.revision);
            if let Some(order) = &plan.order {
                let _ = writeln!(out, "order {order}");
            }
            for step in &plan.steps {
                let _ = write!(out, "{} on {}", step.id, step.member_name);
                let _ = match &step.kind {
                    StepKind::HoldKubelet { pid, why } => writeln!(out, " pid {pid}: {why}"),
                    StepKind::RemoveLeftOvers { files } => writeln!(out, " {files:?}"),
                    StepKind::Snapshot { path, sick_disk, expected, small } => {
                        let small = small.then(|| format!(" small, {expected} or less"));
                        let small = small.unwrap_or_default();
                        let typed = sick_disk.iter().map(|disk| format!(", once {disk} is typed"));
                        writeln!(out, "{small} to {}{}", path.display(), typed.collect::<String>())
                    }
                    StepKind::Compact { revision } => writeln!(out, " at {revision}"),
                    StepKind::Defragment {
                        revision,
                        db_size,
                        expected_stall_ms,
                        stall_basis,
                        leader,
                        undo,
                    } => {
                        let basis = stall_basis.iter().map(|basis| format!(" ({basis})"));
                        let basis: String = basis.collect();
                        writeln!(
                            out,
                            ", {db_size}, settled at {revision}, up to {expected_stall_ms} ms{basis}{}{}",
                            if *leader { ", leader" } else { "" },
                            told_undo(undo, &world)
                        )
                    }
                    StepKind::Disarm { alarms } => {
                        let whose: Vec<String> =
                            alarms.iter().map(|a| format!("{} {}", a.kind, a.member)).collect();
                        writeln!(out, ": {}", whose.join(", "))
                    }
                    StepKind::DefragmentTogether {
                        revision,
                        names,
                        expected_stall_ms,
                        undo,
                        ..
                    } => {
                        writeln!(
                            out,
                            ": {} at once, settled at {revision}, up to {expected_stall_ms} ms{}",
                            names.join(", "),
                            told_undo(undo, &world)
                        )
                    }
                    StepKind::Compare | StepKind::Verify => writeln!(out),
                };
            }
            for caution in &plan.cautions {
                let _ = writeln!(out, "caution: {caution}");
            }
            if let Some(later) = later {
                out.push_str(&changes(&plan, &read(later).0, &wishes));
            }
        }
    }
    let story = restart_story(&world.node, Some(!world.alarms().is_empty()), world.seen_at);
    for member in &world.members {
        match comes_back(&world, member, story.as_ref(), world.seen_at) {
            Comeback::No => {}
            when => writeln!(out, "{} is expected back: {when:?}", member.name).expect("a string"),
        }
    }
    out
}

/// How a step can be taken back, where a hard link is thinkable.
fn told_undo(undo: &Undo, world: &World) -> String {
    let thinkable = world.node.disk.as_ref().is_some_and(|disk| disk.undo_dir.is_some());
    match undo {
        Undo::Link(path) => format!(", undo {}", path.display()),
        Undo::None(why) if thinkable => format!(", no undo: {why}"),
        Undo::None(_) | Undo::Elsewhere => String::new(),
    }
}

/// What of a plan changes when the cluster looks like this later.
fn changes(plan: &Plan, later: &World, wishes: &Wishes) -> String {
    let mut out = String::new();
    for step in came_back(plan, later, wishes) {
        let _ = writeln!(out, "later also {}", step.id);
    }
    for planned in &plan.steps {
        let mut step = planned.clone();
        replace_silent(&mut step, later, wishes);
        if step != *planned {
            let _ = writeln!(out, "later {} on {}", step.id, step.member_name);
        }
        if let (StepKind::Snapshot { path, .. }, true) = (&step.kind, step != *planned) {
            let _ = writeln!(out, "  to {}", path.display());
        }
    }
    out
}

fn read(scenario: &str) -> (World, Wishes) {
    let mut world = World { cluster_id: 0xc1, seen_at: 1 << 60, ..World::default() };
    let mut wishes = Wishes { stamp: "20260301T041500Z".to_owned(), ..Wishes::default() };
    let mut alarms = Vec::new();
    let mut leader = None;
    for line in scenario.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let mut words = line.split_whitespace();
        match words.next().expect("a word") {
            "member" => {
                let member = member(words, world.members.len() as u64 + 1, &mut leader);
                world.members.push(member);
            }
            "alarm" => {
                let id = MemberId(words.next().and_then(|id| id.parse().ok()).expect("alarm id"));
                let kind = match words.next() {
                    Some("CORRUPT") => AlarmKind::Corrupt,
                    _ => AlarmKind::NoSpace,
                };
                alarms.push(Alarm { member: id, kind });
            }
            "disk" => {
                let free = bytes(words.next().expect("disk FREE"));
                world.node.disk = Some(DataDir {
                    path: "/var/lib/etcd".into(),
                    filesystem: filesystem("/var/lib/etcd", 1, free),
                    used: Bytes(0),
                    db_file: None,
                    leftovers: Vec::new(),
                    orphans: Vec::new(),
                    undo_dir: None,
                    undos: Vec::new(),
                });
            }
            // A directory for hard links, on etcd's own mount.
            "beside" => {
                let disk = world.node.disk.as_mut().expect("a disk before");
                disk.undo_dir = words.next().map(Into::into);
            }
            // `sick DISK SIGN…`, or `doubtful` for one that is only slow.
            kind @ ("sick" | "doubtful") => {
                let disk = words.next().expect("sick DISK SIGN").to_owned();
                let label = format!("{disk} (Model, serial 1)");
                let signs = vec![words.collect::<Vec<_>>().join(" ")];
                let failing = kind == "sick";
                world.sick_disks.push(SickDisk { disk, label, signs, failing });
            }
            "hangs" => {
                let path = std::path::PathBuf::from("/var/lib/etcd");
                world.node.data_dir = Some(Found::new(path.clone(), "--data-dir"));
                world.node.hanging.push(path);
            }
            "left-over" => {
                let disk = world.node.disk.as_mut().expect("a disk before");
                let size = bytes(words.next().expect("left-over SIZE"));
                disk.orphans.push(("/var/lib/etcd/member/snap/db.tmp.1234567".into(), size));
            }
            "freeable" => {
                let bytes = bytes(words.next().expect("freeable SIZE KIND"));
                let (kind, command) = match words.next() {
                    Some("snapshots") => (FreeableKind::OldSnapshots, "rm OLD"),
                    Some("logs") => (FreeableKind::RotatedLogs, "find LOGS -delete"),
                    Some("images") => (FreeableKind::UnusedImages, "crictl rmi IDS"),
                    other => panic!("what is freeable `{other:?}`?"),
                };
                let (command, otherwise) = (command.to_owned(), None);
                let paths = Vec::new();
                world.node.freeable.push(Freeable { kind, bytes, paths, command, otherwise });
            }
            "place" => {
                let directory = words.next().expect("place DIR FREE");
                let free = bytes(words.next().expect("place DIR FREE"));
                let shares_data_dir = words.next() == Some("shared");
                world.snapshot_places.push(SnapshotPlace {
                    directory: directory.into(),
                    filesystem: filesystem(directory, if shares_data_dir { 1 } else { 2 }, free),
                    shares_data_dir,
                    devices: words.map(str::to_owned).collect(),
                });
            }
            "probe" => probe(&mut world, words),
            "kubelet" => world.node.kubelet = Some(kubelet(words)),
            "started" => {
                let seconds: i64 = words.next().and_then(|n| n.parse().ok()).expect("started AGO");
                world.node.container = Some(container(world.seen_at - seconds * 1_000_000_000));
            }
            // Whether a kubelet is there to start it again is said by `kubelet`.
            "ended" => {
                let mut number = || -> i64 {
                    words.next().and_then(|n| n.parse().ok()).expect("ended AGO CODE")
                };
                let finished_at = world.seen_at - number() * 1_000_000_000;
                let exit_code = i32::try_from(number()).expect("a code");
                let started_at = finished_at - 90 * 1_000_000_000;
                let state = ContainerState::Exited;
                let container =
                    Container { state, finished_at, exit_code, ..container(started_at) };
                world.node.last_end =
                    Some(LastEnd { started_at, finished_at, exit_code, ..LastEnd::default() });
                world.node.container = Some(container);
            }
            "layout" => {
                let id = words.next().expect("layout ID");
                let layout = ALL.iter().copied().find(|row| row.id == id).expect("a row");
                let evidence = Vec::new();
                world.node.layout = Some(Detected { layout, evidence });
                let own = format!("https://127.0.0.1:{}", layout.client_port);
                world.node.endpoints = vec![Found::new(own, "flag")];
            }
            "process" => {
                let comm = words.next().expect("process NAME").to_owned();
                let process = Process { pid: 4, args: Vec::new(), env: Vec::new(), comm };
                world.node.process = Some(process);
            }
            "live" => world.live = Some(live(words)),
            "events" => {
                let live = world.live.as_mut().expect("live before events");
                live.events = Some(events(words));
            }
            "equal" => {
                let members = world.members.iter().map(|member| member.id).collect();
                let revision = Revision(1000);
                world.equality = Some(Equality::Proven { hash: 0x51ab_cdef, revision, members });
            }
            "unequal" => {
                let who = words.collect::<Vec<_>>().join(" ");
                world.equality = Some(Equality::Different(who));
            }
            "incomparable" => {
                let why = words.collect::<Vec<_>>().join(" ");
                world.equality = Some(Equality::Unknown(why));
            }
            "wish" => wish(&mut wishes, words.next().expect("a wish"), words.next()),
            other => panic!("what is `{other}`?"),
        }
    }
    for member in &mut world.members {
        if let Ok(status) = &mut member.status {
            status.alarms.clone_from(&alarms);
            status.leader = leader;
        }
    }
    (world, wishes)
}

fn member<'a>(
    words: impl Iterator<Item = &'a str>,
    id: u64,
    leader: &mut Option<MemberId>,
) -> Member {
    let name = format!("master-{id}");
    let mut member = Member {
        id: MemberId(id),
        endpoint: format!("https://10.0.0.{id}:2379"),
        name,
        local: id == 1,
        learner: false,
        defragmenting: false,
        open_snapshots: None,
        disk_times: DiskTimes::default(),
        status: Err(String::new().into()),
    };
    let mut status = MemberStatus {
        version: "3.5.30".parse().ok(),
        version_text: "3.5.30".to_owned(),
        db_size: Bytes(0),
        db_size_in_use: Bytes(0),
        quota: Quota::DEFAULT,
        leader: None,
        learner: false,
        alarms: Vec::new(),
        errors: Vec::new(),
        revision: Revision(1000),
        raft_term: 2,
        raft_index: 1500,
        raft_applied_index: 1500,
    };
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "db" => status.db_size = bytes(value),
            "use" => status.db_size_in_use = bytes(value),
            "quota" => {
                let told = value.strip_suffix('?');
                let limit = (value != "off").then(|| bytes(told.unwrap_or(value)));
                let source = told.map_or(QuotaSource::Metric, |_| QuotaSource::Assumed);
                status.quota = Quota { limit, source };
            }
            "version" => {
                status.version = value.parse().ok();
                value.clone_into(&mut status.version_text);
            }
            "rev" => status.revision = Revision(value.parse().expect("rev")),
            "fsync" => member.disk_times.fsync = Some(took(value)),
            "defrags" => member.disk_times.defrag = Some(took(value)),
            "streams" => member.open_snapshots = value.parse().ok(),
            "applied" => status.raft_applied_index = value.parse().expect("applied"),
            "leader" => *leader = Some(member.id),
            "learner" => member.learner = true,
            "refused" => {
                let kind = SilenceKind::Refused;
                member.status = Err(Silence { kind, ..Silence::from("connection refused") });
                return member;
            }
            "apart" => {
                member.endpoint = "https://127.0.0.1:2379".to_owned();
                let kind = SilenceKind::OwnNodeOnly;
                let peer_host = Some(value.to_owned());
                let why = "it serves its own node only".to_owned();
                member.status = Err(Silence { kind, why, peer_host });
                return member;
            }
            "down" => {
                member.status = Err(value.to_owned().into());
                return member;
            }
            other => panic!("what is `{other}` of a member?"),
        }
    }
    member.status = Ok(status);
    member
}

/// `COUNTxMS`: so many, each so long, in a histogram of doubling bounds.
fn took(text: &str) -> Histogram {
    let (count, ms) = text.split_once('x').expect("COUNTxMS");
    let (count, ms): (u64, f64) = (count.parse().expect("a count"), ms.parse().expect("ms"));
    let bounds: Vec<f64> = (0..18).map(|n| 0.001 * f64::from(1 << n)).collect();
    let upto = |bound: &f64| if ms <= bound * 1e3 { count } else { 0 };
    let mut cumulative: Vec<u64> = bounds.iter().map(upto).collect();
    cumulative.push(count);
    Histogram { bounds, cumulative, sum: count as f64 * ms / 1e3 }
}

/// `probe KIND PATH`, with kubeadm's numbers; `probe KIND PATH PERIOD` for others.
fn probe<'a>(world: &mut World, mut words: impl Iterator<Item = &'a str>) {
    let kind = match words.next() {
        Some("liveness") => ProbeKind::Liveness,
        Some("startup") => ProbeKind::Startup,
        other => panic!("what is the probe {other:?}?"),
    };
    let path = words.next().expect("probe KIND PATH").to_owned();
    let period = words.next().map_or(10, |n| n.parse().expect("a period"));
    let failure_threshold = if kind == ProbeKind::Startup { 24 } else { 8 };
    let timeout = if period < 10 { period } else { 15 };
    let timing = ProbeTiming { initial_delay: 10, period, timeout, failure_threshold };
    let manifest = world.node.manifest.get_or_insert_with(|| Manifest {
        path: "/etc/kubernetes/manifests/etcd.yaml".into(),
        args: Vec::new(),
        probes: Vec::new(),
    });
    manifest.probes.push(Probe { kind, path, port: Some(2381), timing });
}

/// `kubelet PID`, and `stopped`, `held` or `left` when it does not run.
fn kubelet<'a>(mut words: impl Iterator<Item = &'a str>) -> KubeletProcess {
    let pid = words.next().and_then(|n| n.parse().ok()).expect("kubelet PID");
    let how = words.next();
    let held_by = match how {
        Some("held") => Some(Guardian { pid: 900, runs: true }),
        Some("left") => Some(Guardian { pid: 900, runs: false }),
        _ => None,
    };
    KubeletProcess { pid, start_time: 1, stopped: how.is_some(), held_by }
}

fn container(started_at: i64) -> Container {
    Container {
        id: "c1".to_owned(),
        name: "etcd".to_owned(),
        pod: "etcd-master-1".to_owned(),
        namespace: "kube-system".to_owned(),
        state: ContainerState::Running,
        created_at: started_at,
        started_at,
        finished_at: 0,
        exit_code: 0,
        reason: String::new(),
        restarts: 1,
        image: "etcd".to_owned(),
        log_path: None,
        pid: Some(4),
        args: Vec::new(),
        env: Vec::new(),
        mounts: Vec::new(),
    }
}

/// `live FILE-SIZE [partial]`; nine tenths of the file are keys and values of
/// 1 KiB.
fn live<'a>(mut words: impl Iterator<Item = &'a str>) -> LiveData {
    let file_size = bytes(words.next().expect("live FILE-SIZE"));
    let live = Bytes(file_size.0 / 10 * 9);
    let partial = words.next() == Some("partial");
    LiveData { keys: live.0 / 1024, bytes: live, file_size, partial, events: None }
}

/// `events KEYS BYTES [without=FILE-SIZE] [partial]`
fn events<'a>(mut words: impl Iterator<Item = &'a str>) -> Purgeable {
    let keys = words.next().and_then(|n| n.parse().ok()).expect("events KEYS BYTES");
    let size = bytes(words.next().expect("events KEYS BYTES"));
    let mut found = Purgeable {
        prefixes: vec!["/registry/events/".to_owned()],
        keys,
        bytes: size,
        ..Purgeable::default()
    };
    for word in words {
        match word.strip_prefix("without=") {
            Some(without) => found.file_size_without = Some(bytes(without)),
            None => found.partial = word == "partial",
        }
    }
    found
}

fn wish(wishes: &mut Wishes, what: &str, value: Option<&str>) {
    match what {
        "compact" => wishes.scope = Scope::Compact,
        "defrag" => wishes.scope = Scope::Defragment,
        "disarm" => wishes.scope = Scope::Disarm,
        "purge" => wishes.scope = Scope::Purge,
        "no-hold" => wishes.no_hold = true,
        "no-snapshot" => wishes.no_snapshot = true,
        "full-first" => wishes.full_first = true,
        "parallel" => wishes.parallel = true,
        "yes" => wishes.unattended = true,
        "accept-nearly-full" => wishes.accept_nearly_full = true,
        "accept-sick-disk" => wishes.accept_sick_disk = true,
        "accept-version-risk" => wishes.accept_version_risk = true,
        "allow-missing" => wishes.allow_missing.extend(value.map(str::to_owned)),
        "member" => wishes.members.extend(value.map(str::to_owned)),
        "revision" => {
            wishes.revision = value.and_then(|n| n.parse().ok()).map(Revision);
        }
        other => panic!("what is the wish `{other}`?"),
    }
}

fn filesystem(mount_point: &str, device: u64, available: Bytes) -> Filesystem {
    Filesystem {
        mount_point: mount_point.into(),
        kind: "ext4".to_owned(),
        device,
        size: available,
        available,
    }
}

fn bytes(text: &str) -> Bytes {
    let (number, unit) = match text.strip_suffix(['M', 'G']) {
        Some(number) if text.ends_with('G') => (number, 1 << 30),
        Some(number) => (number, 1 << 20),
        None => (text, 1),
    };
    Bytes(number.parse::<u64>().expect("a size") * unit)
}
