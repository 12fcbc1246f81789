//! What to tell the person: why the cluster refuses writes, and which flags
//! keep it from happening again.

use crate::model::{AlarmKind, EtcdVersion, Quota, World};

/// The cause in two sentences.
#[must_use]
pub fn cause(world: &World) -> String {
    let full: Vec<String> = world
        .members
        .iter()
        .filter_map(|member| {
            let status = member.status.as_ref().ok()?;
            let limit = status.quota.limit?;
            status
                .quota
                .is_exceeded_by(status.db_size)
                .then(|| format!("{} ({} of {})", member.label(), status.db_size, limit))
        })
        .collect();
    let raised = world.alarms().iter().any(|alarm| alarm.kind == AlarmKind::NoSpace);
    match (raised, full.is_empty()) {
        (true, false) => format!(
            "The database of {} reached its quota, so etcd raised NOSPACE and refuses every write \
             on every member. Old revisions and free pages fill it: compaction drops the history, \
             defragmentation gives the pages back, and only then may the alarm be disarmed.",
            full.join(", ")
        ),
        (true, true) => "A NOSPACE alarm is on although every member is under its quota now: \
             etcd never takes it off by itself. Compaction and defragmentation make sure that it \
             does not come back with the next write, then it is disarmed."
            .to_owned(),
        (false, false) => format!(
            "The database of {} is over its quota: the next write raises NOSPACE and stops the \
             cluster. Compaction drops the history and defragmentation gives the pages back.",
            full.join(", ")
        ),
        (false, true) => "A database is close to its quota: when it gets there, etcd raises \
             NOSPACE and refuses every write. Compaction drops the history and defragmentation \
             gives the pages back."
            .to_owned(),
    }
}

/// How to keep it from happening again, line by line: the flags for this
/// version, and the file they belong into.
#[must_use]
pub fn prevention(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    let version =
        world.members.iter().filter_map(|member| member.status.as_ref().ok()?.version).min();
    let manifest = world.node.manifest.as_ref();
    let args = manifest
        .map(|manifest| &manifest.args)
        .or(world.node.container.as_ref().map(|container| &container.args))
        .or(world.node.process.as_ref().map(|process| &process.args));
    let has = |flag: &str| args.is_some_and(|args| args.iter().any(|arg| arg.contains(flag)));
    let place = manifest.map_or_else(
        || "etcd's command line (or ETCD_* in its environment file)".to_owned(),
        |manifest| manifest.path.display().to_string(),
    );
    if has("auto-compaction-retention") {
        lines.push(format!("auto-compaction is already set in {place}"));
    } else {
        // A bare number means hours in periodic mode; the unit makes it plain.
        lines.push(format!("on every master, add to {place}, one master at a time:"));
        lines.push("    - --auto-compaction-mode=periodic".to_owned());
        lines.push("    - --auto-compaction-retention=1h".to_owned());
        lines.push(
            "  why: the API server's own compaction writes a key first, so it stops exactly when \
             NOSPACE is on"
                .to_owned(),
        );
    }
    if let Some(version) = version {
        let flag = bootstrap_defrag_flag(version);
        lines.extend(flag.map(|flag| {
            format!("  and {flag}=100 defragments at each start when 100 MB or more are free")
        }));
    }
    if smallest_quota(world).is_some_and(|quota| quota.limit == Quota::DEFAULT.limit) {
        lines.push(
            "  the quota is etcd's default of 2 GiB: --quota-backend-bytes=8589934592 raises it \
             to 8 GiB, the advised maximum (same on every master)"
                .to_owned(),
        );
    }
    if manifest.is_some() {
        lines.push(
            "  keep it over upgrades: put the same under etcd.local.extraArgs of the kubeadm-config \
             ConfigMap; never leave a backup file in the manifests directory"
                .to_owned(),
        );
    }
    lines
}

/// The flag's name by release: 3.5.0 brought it as experimental, 3.6 renamed
/// it (etcd CHANGELOG-3.5, CHANGELOG-3.6).
fn bootstrap_defrag_flag(version: EtcdVersion) -> Option<&'static str> {
    if version >= EtcdVersion::new(3, 6, 0) {
        Some("--bootstrap-defrag-threshold-megabytes")
    } else if version >= EtcdVersion::new(3, 5, 0) {
        Some("--experimental-bootstrap-defrag-threshold-megabytes")
    } else {
        None
    }
}

fn smallest_quota(world: &World) -> Option<Quota> {
    world
        .members
        .iter()
        .filter_map(|member| member.status.as_ref().ok())
        .map(|status| status.quota)
        .min_by_key(|quota| quota.limit.map_or(u64::MAX, |limit| limit.0))
}
