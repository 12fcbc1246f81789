//! What is configured on this node and what should be, by release and by whose
//! file the settings are in: rows to show, the changes that were asked for,
//! what forbids them, what to know, and how they outlive an upgrade.

mod compaction;
mod keeper;
mod lasting;
mod now;
mod probes;
mod quota;
mod rows;

use super::{one_master::quota_cautions, wanted_edits::wanted_edits};
use crate::model::{
    EtcdVersion, Located, Manifest, ManifestEdit, Obstacle, PreventWishes, SettingAdvice,
    SettingsAdvice, World,
};

pub(super) use compaction::retention;
pub(super) use keeper::{Keeper, keeper};
pub(super) use probes::probe_path;
pub(super) use quota::{LARGEST_GIB, largest_gib, smallest};

/// Why history has to go by itself.
pub(super) const WHY_COMPACTION: &str = "the API server's own compaction writes a key first, so \
                                         it stops exactly when NOSPACE is on";

/// What is configured on this node, what should be, and what the wishes change.
#[must_use]
pub fn settings_advice(world: &World, wishes: &PreventWishes) -> SettingsAdvice {
    let node = &world.node;
    let version = version(world);
    let keeper = keeper(node);
    let manifest = node.manifest.clone().unwrap_or_else(|| Manifest {
        path: std::path::PathBuf::new(),
        args: node.process.as_ref().map(|process| process.args.clone()).unwrap_or_default(),
        probes: Vec::new(),
    });
    let (edits, mut refusals) = asked(&manifest, version, wishes);
    let mut settings = rows::flag_rows(node, version, wishes);
    settings.extend(probes::rows(&manifest, version));
    for edit in &edits {
        rows::put(&mut settings, edit);
    }
    if let Some(wanted) = wishes.quota {
        let now = value_of(&settings, "quota-backend-bytes");
        let now = now.and_then(|value| value.parse().ok()).filter(|now: &i128| *now > 0);
        refusals.extend(quota::refusals(world, now, wanted));
    }
    if !edits.is_empty() {
        refusals.extend(keeper.obstacle(&flags(&edits)));
    }
    if !keeper.is_editable() {
        settings.iter_mut().for_each(|setting| setting.edit = None);
    }
    let cautions = cautions(node, &keeper, wishes, &edits);
    // What is in the manifest already has to outlive an upgrade as well.
    let bare = Manifest { args: Vec::new(), ..manifest };
    let all = asked(&bare, version, wishes).0;
    SettingsAdvice { settings, refusals, cautions, lasting: lasting::lasting(&keeper, &all) }
}

/// The flags of the usual advice.
pub(super) fn usual_flags() -> Vec<(String, String)> {
    [("auto-compaction-mode", "periodic"), ("auto-compaction-retention", "1h")]
        .map(|(flag, value)| (flag.to_owned(), value.to_owned()))
        .to_vec()
}

/// The release of this node's etcd: by its own word, else by its image.
fn version(world: &World) -> Option<EtcdVersion> {
    let local = world.members.iter().find(|member| member.local);
    local
        .and_then(|member| member.status.as_ref().ok()?.version)
        .or_else(|| world.node.version.as_ref()?.value.parse().ok())
}

/// The changes for every wish, and the wishes this release cannot fulfil.
fn asked(
    manifest: &Manifest,
    version: Option<EtcdVersion>,
    wishes: &PreventWishes,
) -> (Vec<ManifestEdit>, Vec<Obstacle>) {
    let none = PreventWishes {
        auto_compaction: None,
        quota: None,
        snapshot_count: None,
        bootstrap_defrag: None,
        probes: false,
    };
    let one_by_one = [
        PreventWishes { auto_compaction: wishes.auto_compaction.clone(), ..none.clone() },
        PreventWishes { quota: wishes.quota, ..none.clone() },
        PreventWishes { snapshot_count: wishes.snapshot_count, ..none.clone() },
        PreventWishes { bootstrap_defrag: wishes.bootstrap_defrag, ..none.clone() },
        PreventWishes { probes: wishes.probes, ..none.clone() },
    ];
    let Some(version) = version else {
        let unknown = Obstacle {
            what: "which etcd this is cannot be told, and so not which flags it knows".to_owned(),
            next: "see `etcd-rescue locate`".to_owned(),
        };
        return (Vec::new(), if *wishes == none { Vec::new() } else { vec![unknown] });
    };
    let (mut edits, mut refusals) = (Vec::new(), Vec::new());
    for wish in one_by_one {
        match wanted_edits(manifest, version, &wish) {
            Ok(found) => edits.extend(found),
            Err(obstacle) => refusals.push(obstacle),
        }
    }
    (edits, refusals)
}

fn value_of<'a>(settings: &'a [SettingAdvice], name: &str) -> Option<&'a str> {
    settings.iter().find(|setting| setting.name == name)?.now.as_deref()
}

fn flags(edits: &[ManifestEdit]) -> Vec<(String, String)> {
    let flag = |edit: &ManifestEdit| match edit {
        ManifestEdit::Flag { name, value } => Some((name.clone(), value.clone())),
        _ => None,
    };
    edits.iter().filter_map(flag).collect()
}

fn cautions(
    node: &Located,
    keeper: &Keeper,
    wishes: &PreventWishes,
    edits: &[ManifestEdit],
) -> Vec<String> {
    let mut cautions = Vec::new();
    if let Some((mode, wanted)) = &wishes.auto_compaction {
        cautions.extend(compaction::cautions(mode, wanted));
        let changes = edits.iter().any(|edit| {
            matches!(edit, ManifestEdit::Flag { name, .. } if name == "auto-compaction-retention")
        });
        if let Some(now) = retention(node).filter(|_| changes) {
            cautions.push(format!(
                "auto-compaction is on already, with a retention of {now}; \
                 --keep-auto-compaction leaves it so"
            ));
        }
    }
    if let Some(quota) = wishes.quota {
        cautions.extend(quota_cautions(quota, node.memory));
    }
    if wishes.snapshot_count == Some(0) {
        cautions.push("a snapshot count of 0 is etcd's default".to_owned());
    }
    if let Keeper::StaticPod(path) = keeper
        && !edits.is_empty()
    {
        cautions.push(format!(
            "kubeadm did not write {}: whoever did may overwrite it",
            path.display()
        ));
    }
    cautions
}

#[cfg(test)]
mod tests;
