//! What to do now, in order: first what helps at once, then what mends it.

use super::{
    super::etcdctl,
    case::{Case, Patient},
    cause::Cause,
    sharing_findings::{name, neighbours},
};
use crate::model::diagnosis::{Bus, Finding, Severity, Sharer, SharerKind};

/// Steps in the order to take them.
pub(super) fn next_steps(case: &Case, findings: &[Finding], cause: &Cause) -> Vec<String> {
    let mut steps = Vec::new();
    let has = |code: &str| findings.iter().any(|finding| finding.code == code);
    if has("nospace") {
        steps.push("Make etcd writable again: `etcd-rescue recover`".to_owned());
    }
    steps.extend(hand_over(case, cause));
    let sick_here = matches!(cause, Cause::Replace(_) | Cause::Hangs(_));
    if sick_here {
        steps.push(
            "Save the data to another disk first: `etcd-rescue snapshot save PATH`, with PATH not \
             on this disk"
                .to_owned(),
        );
    }
    if sick_here || matches!(cause, Cause::SlowHere) {
        steps.extend(neighbours(case).iter().filter_map(|sharer| move_off(sharer)));
        steps.extend(move_etcd(case, sick_here));
    }
    match cause {
        Cause::Replace(condemned) => {
            steps.push(format!("Replace {}", case.disk_label(condemned.disk)));
        }
        Cause::Hangs(finding) => {
            let disk = finding.disk.as_deref().unwrap_or_default();
            steps.push(format!(
                "See whether {} comes back; if not, replace it",
                case.disk_label(disk)
            ));
        }
        Cause::SlowThere(at) => {
            steps.extend(case.patients.get(*at).map(|patient| {
                format!("Look at {} itself: {}", patient.label, patient.look_there())
            }))
        }
        Cause::SlowSeveral(slow) => {
            let elsewhere = slow.iter().filter_map(|at| case.patients.get(*at));
            let elsewhere = elsewhere.filter(|patient| !patient.member.local);
            steps.extend(elsewhere.map(|patient| {
                format!("Look at {} itself: {}", patient.label, patient.look_there())
            }));
        }
        _ => {}
    }
    steps.extend(cloud(case, cause));
    let others = findings.iter().filter(|finding| finding.severity > Severity::Info);
    for finding in others.filter(|finding| !told_already(finding, cause)) {
        let Some(next) = &finding.next else { continue };
        let step = as_step(next);
        if !steps.iter().any(|known| known.contains(next.as_str()) || *known == step) {
            steps.push(step);
        }
    }
    steps
}

fn as_step(next: &str) -> String {
    if next.starts_with('`') { format!("Run {next}") } else { super::wording::capital(next) }
}

/// Findings whose advice the steps hold in their own words.
fn told_already(finding: &Finding, cause: &Cause) -> bool {
    let by_cause = match cause {
        Cause::Replace(_) | Cause::Hangs(_) => {
            ["drive_fails", "drive_worn", "fsync_slow", "disk_shared", "array_part_slow"]
                .contains(&finding.code)
        }
        Cause::SlowHere => finding.code == "disk_shared",
        Cause::SlowThere(_) | Cause::SlowSeveral(_) => finding.code == "fsync_slow",
        _ => false,
    };
    by_cause || finding.code == "nospace"
}

/// A slow leader makes everybody wait; a slow follower hardly anybody, as a
/// quorum goes on without it.
fn hand_over(case: &Case, cause: &Cause) -> Option<String> {
    let slow = match cause {
        Cause::SlowThere(at) => case.patients.get(*at)?,
        Cause::Replace(condemned) if !condemned.slow => return None,
        Cause::SlowHere | Cause::AboveDrive(_) | Cause::Hangs(_) | Cause::Replace(_) => {
            case.here()?
        }
        _ => return None,
    };
    if !slow.member.is_leader() {
        return None;
    }
    let quick = |other: &&Patient| {
        other.member.status.is_ok()
            && matches!(other.fsync, super::pace::Pace::Fine | super::pace::Pace::Unsure)
    };
    let heir = case.other_voters(slow).find(quick)?;
    let words = format!("move-leader {}", heir.member.id);
    let world = case.examined.world.as_ref()?;
    let line = if slow.member.local {
        format!("`{}`", etcdctl::line(&world.node, &words))
    } else {
        format!("on {}: `{}`", slow.label, etcdctl::line(&world.node, &words))
    };
    Some(format!(
        "Quick relief: let {}, which is quick, lead instead, so that writes no longer wait for {}: \
         {line}",
        heir.label, slow.label
    ))
}

/// Who has to go from the disk.
fn move_off(sharer: &Sharer) -> Option<String> {
    let name = name(sharer);
    let how = match sharer.kind {
        SharerKind::Longhorn => {
            "in its UI (Node, this node, Edit): disable scheduling on this disk and request the \
             eviction of its replicas"
        }
        SharerKind::Rook => "take this disk's OSD out: `ceph osd out ID` in the toolbox",
        SharerKind::OpenEbs | SharerKind::LocalVolumes | SharerKind::Database => {
            "move these volumes, or the pods that write to them, to other nodes"
        }
        SharerKind::Swap => "`swapoff -a`: no master should swap to etcd's disk",
        _ => return None,
    };
    Some(format!("Move {name} off etcd's disk: {how}"))
}

/// The way to another disk, member by member.
fn move_etcd(case: &Case, sick: bool) -> Option<String> {
    let place = case.wal_place()?;
    let path = place.path.display();
    let single = case.examined.world.as_ref().is_some_and(|world| world.voters().count() == 1);
    let when = if sick { "Before the disk is replaced, move" } else { "If it stays slow, move" };
    if single {
        return Some(format!(
            "{when} {path} to another disk: stop etcd (move its manifest out of \
             /etc/kubernetes/manifests), copy with `cp -a`, mount the copy at {path}, move the \
             manifest back. etcd is down meanwhile, as it has no other member"
        ));
    }
    Some(format!(
        "{when} {path} to another disk, one member at a time and only while all others answer: stop \
         this etcd (move its manifest out of /etc/kubernetes/manifests), copy with `cp -a`, mount \
         the copy at {path}, move the manifest back, and wait until `etcd-rescue status` shows it in \
         step before the next"
    ))
}

/// A cloud's disk is as fast as it was ordered.
fn cloud(case: &Case, cause: &Cause) -> Option<String> {
    let leaf = case.wal_leaf().filter(|_| matches!(cause, Cause::SlowHere))?;
    let model = leaf.model.as_deref().unwrap_or_default();
    let order = if model.contains("Elastic Block Store") {
        "more IOPS and throughput (gp3 or io2), and an instance whose own limit is not below it"
    } else if model.starts_with("nvme_card-pd") || leaf.vendor.as_deref() == Some("Google") {
        "an SSD persistent disk or Hyperdisk: its IOPS grow with its size"
    } else if model.contains("MSFT") || leaf.vendor.as_deref() == Some("Msft") {
        "Premium SSD or Ultra Disk, with host caching off for etcd"
    } else if leaf.bus == Bus::Virtual {
        "a faster kind of storage with guaranteed IOPS; also look at the host's cache mode and at \
         stolen CPU time (`st` in `top`)"
    } else {
        return None;
    };
    Some(format!("Order for {}: {order}", leaf.name))
}
