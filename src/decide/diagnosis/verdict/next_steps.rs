//! What to do now, in order: first what helps at once, then what mends it.

use super::{cause::Cause, sentence::volume_of};
use crate::{
    decide::{
        diagnosis::{
            case::{Case, Patient},
            findings::sharing::{name, neighbours},
            members::pace::Pace,
            wording::as_start,
        },
        etcdctl,
    },
    model::diagnosis::{Bus, Finding, Severity, Sharer, SharerKind},
};

/// Steps in the order to take them.
pub(crate) fn next_steps(case: &Case, findings: &[Finding], cause: &Cause) -> Vec<String> {
    let has = |code: &str| findings.iter().any(|finding| finding.code == code);
    let sick_here = matches!(cause, Cause::Replace(_) | Cause::Hangs(_));
    let slow_here = matches!(cause, Cause::SlowHere | Cause::SlowSeveral(_)) && has_slow_disk(case);
    let mut steps = Vec::new();
    if has("nospace") {
        steps.push("Make etcd writable again: `etcd-rescue recover`".to_owned());
    }
    steps.extend(hand_over(case, cause));
    if sick_here || matches!(cause, Cause::DiskErrors(_)) {
        steps.push(
            "Save the data to another disk first: `etcd-rescue snapshot save PATH`, with PATH not \
             on this disk"
                .to_owned(),
        );
    }
    if sick_here || slow_here {
        steps.extend(neighbours(case).iter().filter_map(|sharer| move_off(sharer)));
    }
    steps.extend(for_the_disk(case, cause));
    if !has("volume_limit_exceeded") {
        steps.extend(cloud(case, cause));
    }
    let severe = findings.iter().filter(|finding| finding.severity > Severity::Info);
    for finding in severe.filter(|finding| !told_already(finding, cause)) {
        let Some(next) = &finding.next else { continue };
        let step = as_step(next);
        let is_known = |known: &String| known.to_lowercase().contains(&next.to_lowercase());
        if !steps.iter().any(is_known) {
            steps.push(step);
        }
    }
    if slow_here {
        steps.extend(move_etcd(case, "If it stays slow, move"));
    }
    steps
}

fn has_slow_disk(case: &Case) -> bool {
    case.is_slow_here() && !case.leaves().is_empty()
}

/// What to do with a sick disk of this node.
fn for_the_disk(case: &Case, cause: &Cause) -> Vec<String> {
    let named = |finding: &Finding| case.disk_label(finding.disk.as_deref().unwrap_or_default());
    match cause {
        Cause::Replace(condemned) => move_etcd(case, "Before the disk is replaced, move")
            .into_iter()
            .chain([format!("Replace {}", case.disk_label(condemned.disk))])
            .collect(),
        Cause::Hangs(finding) => {
            let label = named(finding);
            let look = format!("Look at the cable, the power and the controller of {label}");
            [look].into_iter().chain(join_anew(case)).collect()
        }
        Cause::DiskErrors(finding) => {
            if let Some(volume) = volume_of(case, finding) {
                return vec![format!(
                    "See which disk below {volume} is to blame: `lsblk -s /dev/{volume}`, and `dmesg \
                     -T | tail -50`"
                )];
            }
            let label = named(finding);
            vec![
                format!("Check the cable, the backplane and the power of {label}"),
                format!(
                    "Let it test itself: `etcd-rescue diagnose --self-test short`; a later \
                     `etcd-rescue diagnose` shows how that went"
                ),
                format!(
                    "Have a spare for {label} at hand: if it happens again, or etcd is slow as well, replace it"
                ),
            ]
        }
        _ => Vec::new(),
    }
}

/// A member whose disk cannot be copied any more.
fn join_anew(case: &Case) -> Option<String> {
    let here = case.here().filter(|here| case.other_voters(here).next().is_some())?;
    let id = here.member.id;
    Some(format!(
        "If it does not come back, replace it and let {} join anew with an empty directory: on \
         another master `etcdctl member remove {id}`, then `etcdctl member add {}` with its peer \
         URL, and start it with `--initial-cluster-state=existing`",
        here.label, here.label
    ))
}

fn as_step(next: &str) -> String {
    if next.starts_with('`') { format!("Run {next}") } else { as_start(next) }
}

/// Findings whose advice the steps hold in their own words.
fn told_already(finding: &Finding, cause: &Cause) -> bool {
    let sick: &[&str] = &["drive_fails", "drive_worn", "disk_shared", "array_part_slow"];
    let told: &[&str] = match cause {
        Cause::Replace(_) | Cause::Hangs(_) => sick,
        Cause::SlowHere | Cause::SlowSeveral(_) | Cause::AboveDrive(_) => &["disk_shared"],
        _ => &[],
    };
    finding.code == "nospace" || told.contains(&finding.code)
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
        other.member.status.is_ok() && matches!(other.fsync, Pace::Fine | Pace::Unsure)
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
fn move_etcd(case: &Case, when: &str) -> Option<String> {
    let place = case.wal_place()?;
    let path = place.path.display();
    let single = case.examined.world.as_ref().is_some_and(|world| world.voters().count() == 1);
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
    let leaf =
        case.wal_leaf().filter(|_| matches!(cause, Cause::SlowHere | Cause::SlowSeveral(_)))?;
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
