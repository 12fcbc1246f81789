//! A made-up diagnosis for the renderers' tests: an old SSD that times out,
//! with etcd, the root filesystem and Longhorn on it.

use super::testing::{NOW, world};
use crate::model::{
    Bytes,
    diagnosis::{
        Account, AtaAttribute, AtaHealth, Bracket, Bus, Diagnosis, DiskBelow, DiskWindow,
        DriveAnswer, DriveFacts, DriveHealth, EvidenceKind, Examined, Finding, IoPressure,
        KernelEvent, KernelEventKind, KernelEvents, Latencies, Layer, LayerKind, LeafDisk,
        LifeLeft, LogSign, LogSignKind, LogStory, MemberNumbers, MemberView, Place, PlaceRole,
        ProbeRun, Scrape, SelfTest, SelfTestState, Severity, Sharer, SharerKind, SmartStatus,
        Spread, Symptom, SymptomKind, Unseen, Verdict, Writer,
    },
};

const SECOND: i64 = 1_000_000_000;
const AT: i64 = NOW * SECOND;

/// The whole account.
pub(crate) fn incident() -> Account {
    let world = world();
    let ids: Vec<_> = world.members.iter().map(|member| member.id).collect();
    let views = ids.iter().enumerate().map(|(at, id)| MemberView {
        id: *id,
        linearizable: latencies(if at == 0 { 300.0 } else { 4.0 }, 118),
        serializable: latencies(0.6, 118),
        writes: if at == 0 { latencies(310.0, 10) } else { Latencies::default() },
        first: Some(Scrape::default()),
        second: Some(Scrape {
            slow_applies: Some(412),
            slow_reads: Some(31),
            heartbeat_failures: Some(if at == 0 { 96 } else { 0 }),
            leader_changes: Some(7),
            ..Scrape::default()
        }),
        no_metrics: None,
    });
    let views: Vec<MemberView> = views.collect();
    let numbers = ids.iter().enumerate().map(|(at, id)| {
        let other = if at == 0 { ids[1] } else { ids[0] };
        let slow = spread(512.0, 23);
        let fast = spread(4.0, 140);
        let numbers = MemberNumbers {
            seconds: Some(5.1),
            fsync: Some(if at == 0 { slow.clone() } else { fast.clone() }),
            fsync_since_start: Some(if at == 0 { spread(512.0, 812_345) } else { fast.clone() }),
            commit: Some(if at == 0 { spread(1_024.0, 9) } else { fast.clone() }),
            commit_since_start: Some(fast),
            peer_rtt: vec![(other, spread(0.8, 200))],
            slow_applies: Some(if at == 0 { 3 } else { 0 }),
            pending_proposals: Some(2),
            ..MemberNumbers::default()
        };
        (*id, numbers)
    });
    Account {
        numbers: numbers.collect(),
        elapsed_ms: 7_340,
        facts: vec![facts()],
        diagnosis: diagnosis(),
        examined: Examined {
            at: AT,
            world: Some(world),
            views,
            log: Some(log()),
            symptoms: vec![symptom()],
            below: Some(below()),
            drives: vec![DriveHealth { disk: "sda".into(), answer: answer() }],
            kernel: Some(kernel()),
            probe: Some(Ok(probe())),
            unseen: vec![Unseen {
                what: "the logs of etcd's clients".into(),
                why: "no answer within 15 s: what it looks at may hang".into(),
                needs: "CAP_DAC_READ_SEARCH".into(),
            }],
            ..Examined::default()
        },
    }
}

fn latencies(around: f64, n: u32) -> Latencies {
    Latencies {
        millis: (0..n).map(|at| around * (0.8 + f64::from(at % 10) / 20.0)).collect(),
        ..Latencies::default()
    }
}

/// Nearly all values in the bucket up to `upto`, one in the one below.
fn spread(upto: f64, n: u64) -> Spread {
    let bracket = Bracket { over_ms: upto / 2.0, upto_ms: Some(upto), estimate_ms: upto * 0.75 };
    Spread {
        n,
        mean_ms: upto * 0.7,
        p50: bracket,
        p99: bracket,
        buckets: vec![(Some(upto / 2.0), 1), (Some(upto), n - 1)],
    }
}

fn diagnosis() -> Diagnosis {
    let finding = |code, severity, kind, what: &str, evidence: &[&str]| Finding {
        code,
        severity,
        kind,
        member: Some("master-1".into()),
        disk: Some("sda".into()),
        what: what.into(),
        evidence: evidence.iter().map(|text| (*text).to_owned()).collect(),
        next: None,
    };
    Diagnosis {
        findings: vec![
            finding(
                "fsync_slow",
                Severity::Critical,
                EvidenceKind::Latency,
                "WAL fsyncs of master-1 take 256-512 ms at the 99th percentile",
                &["n=23 in 5 s; since its start 256-512 ms; the other members take 2-4 ms"],
            ),
            finding(
                "drive_timeouts",
                Severity::Warning,
                EvidenceKind::Firmware,
                "sda's firmware counted 85 commands that timed out",
                &["attribute 188 Command_Timeout raw 85"],
            ),
        ],
        verdict: Verdict {
            sentence: "master-1 is slow because its disk sda (Micron_5300_MTFDDAK960TDS, serial \
                       1234) is dying: fsync p99 256-512 ms, 85 command timeouts, 9 % life left \
                       after 62,247 hours. Replace it."
                .into(),
            chain: vec![
                "sda does not answer commands in time".into(),
                "etcd's fsyncs wait 256-512 ms".into(),
                "the leader's heartbeats are late".into(),
                "API requests time out, and the error budget burns".into(),
            ],
            now: vec![
                "Move Longhorn's replicas off sda.".into(),
                "Replace sda; move etcd's data directory to another disk until then.".into(),
            ],
            unknown: vec!["Whether the other masters' disks are of the same age.".into()],
            slow_member: Some("master-1".into()),
            replace: Some("sda".into()),
        },
    }
}

fn log() -> LogStory {
    let sign = |kind, count, worst_ms, every: usize| LogSign {
        kind,
        count,
        worst_ms: Some(worst_ms),
        worst_at: Some(AT - 600 * SECOND),
        first_at: AT - 80_000 * SECOND,
        last_at: AT - 60 * SECOND,
        example: r#"{"level":"warn","msg":"slow fdatasync","took":"1.412s"}"#.into(),
        timeline: (0..96).map(|at| if at % every == 0 { (at % 13) as u64 } else { 0 }).collect(),
    };
    LogStory {
        files: vec!["/var/log/pods/etcd/14.log".into()],
        from: AT - 86_400 * SECOND,
        to: AT,
        lines: 48_211,
        signs: vec![
            sign(LogSignKind::SlowFdatasync, 38, 1_412.0, 7),
            sign(LogSignKind::SlowApply, 1_944, 2_210.0, 2),
        ],
        piece: 900 * SECOND,
        complaints: vec!["13.log.gz could not be read: it is damaged".into()],
    }
}

fn symptom() -> Symptom {
    Symptom {
        kind: SymptomKind::ApiServerTimeouts,
        container: "kube-system/kube-apiserver-master-1/kube-apiserver".into(),
        count: 1_240,
        first_at: AT - 80_000 * SECOND,
        last_at: AT - 50 * SECOND,
        example: "etcdserver: request timed out".into(),
    }
}

fn below() -> DiskBelow {
    let window = |name: &str, flush_await_ms| DiskWindow {
        name: name.into(),
        seconds: 1.5,
        util_percent: 97.4,
        writes_per_s: 131.0,
        written_per_s: 9_400_000.0,
        reads_per_s: 3.0,
        w_await_ms: Some(212.4),
        r_await_ms: Some(18.0),
        flush_await_ms,
        flushes: 12,
        queue: 14.2,
        in_flight: 9,
        stalled: flush_await_ms.is_some(),
    };
    DiskBelow {
        places: vec![Place {
            role: PlaceRole::DataDir,
            path: "/var/lib/etcd".into(),
            mount_point: "/".into(),
            filesystem: "ext4".into(),
            source: "/dev/mapper/vg0-root".into(),
            size: Bytes(800 << 30),
            available: Bytes(210 << 30),
            read_only: false,
            devices: vec!["dm-0".into()],
            no_device: None,
        }],
        layers: vec![
            Layer {
                name: "dm-0".into(),
                device: "253:0".into(),
                kind: LayerKind::Lvm,
                label: Some("vg0-root".into()),
                below: vec!["sda3".into()],
            },
            Layer {
                name: "sda3".into(),
                device: "8:3".into(),
                kind: LayerKind::Partition,
                label: None,
                below: vec!["sda".into()],
            },
        ],
        leaves: vec![leaf()],
        arrays: Vec::new(),
        sharers: vec![Sharer {
            kind: SharerKind::Longhorn,
            path: "/var/lib/longhorn".into(),
            disks: vec!["sda".into()],
            detail: Some("4 replicas".into()),
        }],
        writers: vec![Writer {
            who: "longhorn-instance-manager (pod instance-manager-e1)".into(),
            cgroup: true,
            etcd: false,
            disk: Some("sda".into()),
            bytes_per_s: 8_200_000.0,
            writes_per_s: Some(101.5),
        }],
        windows: vec![window("dm-0", None), window("sda", Some(287.0)), window("sda", Some(90.0))],
        pressure: Some(IoPressure { some: [61.0, 44.2, 30.0], full: [58.0, 40.0, 22.0] }),
        complaints: Vec::new(),
    }
}

fn leaf() -> LeafDisk {
    LeafDisk {
        name: "sda".into(),
        device: "8:0".into(),
        bus: Bus::Ata,
        driver: Some("ahci".into()),
        vendor: Some("ATA".into()),
        model: Some("Micron_5300_MTFDDAK960TDS".into()),
        serial: Some("1234".into()),
        firmware: Some("D3MU001".into()),
        size: Bytes(960_197_124_096),
        rotational: Some(false),
        write_cache: Some("write back".into()),
        scheduler: Some("mq-deadline".into()),
        state: Some("running".into()),
        controller: None,
        ata_port: Some("ata1".into()),
    }
}

fn answer() -> DriveAnswer {
    let attribute = |id, value, raw| AtaAttribute {
        id,
        flags: 0x32,
        value,
        worst: value,
        threshold: Some(0),
        raw,
    };
    DriveAnswer::Ata(Box::new(AtaHealth {
        model: "Micron_5300_MTFDDAK960TDS".into(),
        serial: "1234".into(),
        firmware: "D3MU001".into(),
        rotation: 1,
        smart_enabled: true,
        status: SmartStatus::Passed,
        attributes: vec![attribute(9, 100, 62_247), attribute(188, 100, 85), attribute(202, 9, 91)],
        self_tests: vec![SelfTest {
            kind: "short".into(),
            state: SelfTestState::Completed,
            hours: Some(62_240),
            left_percent: None,
            lba: None,
            detail: None,
        }],
        ..AtaHealth::default()
    }))
}

fn facts() -> DriveFacts {
    DriveFacts {
        disk: "sda".into(),
        label: "Micron_5300_MTFDDAK960TDS, serial 1234".into(),
        solid_state: Some(true),
        power_on_hours: Some(62_247),
        life_left: Some(LifeLeft {
            percent: 9,
            source: "attribute 202 Percent_Lifetime_Remain, normalised value".into(),
        }),
        command_timeouts: Some(85),
        reallocated: Some(0),
        ..DriveFacts::default()
    }
}

fn kernel() -> KernelEvents {
    let event = |seconds: i64, kind, text: &str| KernelEvent {
        at: AT - seconds * SECOND,
        kind,
        disk: Some("sda".into()),
        text: text.into(),
    };
    KernelEvents {
        events: vec![
            event(900, KernelEventKind::CommandTimeout, "ata1.00: failed command: FLUSH CACHE EXT"),
            event(899, KernelEventKind::Reset, "ata1: hard resetting link"),
            event(300, KernelEventKind::CommandTimeout, "ata1.00: failed command: FLUSH CACHE EXT"),
        ],
        from: AT - 86_400 * SECOND,
        lost: true,
        unreadable: None,
    }
}

fn probe() -> ProbeRun {
    ProbeRun {
        directory: "/var/lib/etcd".into(),
        write_bytes: 2_300,
        writes: latencies(0.05, 46),
        syncs: latencies(318.0, 46),
        ended: "15 s".into(),
        upper_estimate: false,
    }
}
