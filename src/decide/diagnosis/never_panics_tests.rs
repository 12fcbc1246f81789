//! No examination makes the rules panic: numbers come from metrics, firmware
//! and logs, and may be anything.

use proptest::prelude::*;

use super::{diagnose, testing};
use crate::model::diagnosis::{
    Array, Bus, DiskBelow, DiskWindow, DriveAnswer, DriveHealth, EbsStatistics, Examined,
    Histogram, KernelEvent, KernelEventKind, KernelEvents, LeafDisk, LogSign, LogSignKind,
    LogStory, MemberView, NvmeHealth, Place, PlaceRole, Scrape, Sharer, SharerKind, Symptom,
    SymptomKind, Writer,
};
use crate::model::{Bytes, MemberId};

fn below(share: f64, count: u64) -> DiskBelow {
    let name = || "sda".to_owned();
    let window = DiskWindow {
        name: name(),
        seconds: share,
        util_percent: share,
        writes_per_s: share,
        written_per_s: share,
        reads_per_s: share,
        w_await_ms: Some(share),
        r_await_ms: None,
        flush_await_ms: Some(share),
        flushes: count,
        queue: share,
        in_flight: count,
        stalled: count.is_multiple_of(2),
    };
    DiskBelow {
        places: vec![Place {
            role: PlaceRole::DataDir,
            path: "/d".into(),
            mount_point: "/".into(),
            filesystem: String::new(),
            source: String::new(),
            size: Bytes(u64::MAX),
            available: Bytes(count),
            read_only: false,
            devices: vec![name(), "md0".to_owned()],
            no_device: None,
        }],
        leaves: vec![LeafDisk {
            name: name(),
            device: String::new(),
            bus: Bus::Ata,
            driver: None,
            vendor: None,
            model: None,
            serial: None,
            firmware: None,
            size: Bytes(count),
            rotational: None,
            write_cache: None,
            scheduler: None,
            state: None,
            controller: None,
            ata_port: None,
        }],
        arrays: vec![Array {
            name: "md0".to_owned(),
            level: String::new(),
            state: String::new(),
            degraded: count,
            disks: count,
            sync_action: String::new(),
            parts: Vec::new(),
        }],
        sharers: vec![Sharer {
            kind: SharerKind::Longhorn,
            path: "/l".into(),
            disks: vec![name()],
            detail: None,
        }],
        writers: vec![Writer {
            who: String::new(),
            cgroup: true,
            etcd: false,
            disk: None,
            bytes_per_s: share,
            writes_per_s: Some(share),
        }],
        windows: vec![window.clone(), window],
        ..DiskBelow::default()
    }
}

fn logs(at: i64, count: u64, piece: i64) -> (LogStory, KernelEvents, Symptom) {
    let sign = LogSign {
        kind: LogSignKind::SlowFdatasync,
        count,
        worst_ms: None,
        worst_at: None,
        first_at: at,
        last_at: at,
        example: String::new(),
        timeline: vec![count; 4],
    };
    let event = |kind| KernelEvent { at, kind, disk: Some("sda".to_owned()), text: String::new() };
    let kinds = [KernelEventKind::Reset, KernelEventKind::MediumError, KernelEventKind::HungTask];
    let symptom = Symptom {
        kind: SymptomKind::ApiServerTimeouts,
        container: String::new(),
        count,
        first_at: at,
        last_at: at,
        example: String::new(),
    };
    (
        LogStory { from: at, to: at, piece, signs: vec![sign], ..LogStory::default() },
        KernelEvents {
            events: kinds.map(event).to_vec(),
            from: at,
            lost: piece % 2 == 0,
            unreadable: None,
        },
        symptom,
    )
}

fn scrape(counts: &[u64], sum: f64) -> Option<Scrape> {
    let bounds: Vec<f64> = (0..14).map(|n| 0.001 * f64::from(1 << n)).collect();
    let mut cumulative = counts.to_vec();
    cumulative.sort_unstable();
    let page = Histogram { bounds, cumulative, sum };
    let count = counts.first().copied();
    Some(Scrape {
        fsync: Some(page.clone()),
        commit: Some(page.clone()),
        peer_rtt: vec![(MemberId(2), page)],
        heartbeat_failures: count,
        pending_proposals: count,
        slow_applies: count,
        ..Scrape::default()
    })
}

proptest! {
    #[test]
    fn no_examination_panics(
        at: i64,
        then: i64,
        piece: i64,
        count: u64,
        share: f64,
        first in prop::collection::vec(any::<u64>(), 15),
        second in prop::collection::vec(any::<u64>(), 15),
        critical_warning: u8,
    ) {
        let (log, kernel, symptom) = logs(then, count, piece);
        let nvme = NvmeHealth {
            critical_warning,
            media_errors: u128::MAX,
            power_on_hours: u128::from(count),
            ebs: Some(EbsStatistics { volume_iops_exceeded_us: count, ..EbsStatistics::default() }),
            ..NvmeHealth::default()
        };
        let view = |id| MemberView {
            id: MemberId(id),
            first: scrape(&first, share),
            second: scrape(&second, share),
            ..MemberView::default()
        };
        let examined = Examined {
            at,
            world: Some(testing::world(3)),
            views: vec![view(1), view(2)],
            log: Some(log),
            kernel: Some(kernel),
            symptoms: vec![symptom.clone(), symptom],
            below: Some(below(share, count)),
            drives: vec![DriveHealth {
                disk: "sda".to_owned(),
                answer: DriveAnswer::Nvme(Box::new(nvme)),
            }],
            ..Examined::default()
        };
        let verdict = diagnose(&examined).verdict;
        prop_assert!(verdict.sentence.ends_with('.'), "{}", verdict.sentence);
    }
}
