//! A row for each setting: what it is, what it should be though nobody asks,
//! and what was asked for.

use super::{WHY_COMPACTION, compaction, now, probes, quota, retention};
use crate::model::{
    Bytes, EtcdVersion, Located, ManifestEdit, PreventWishes, SettingAdvice, bootstrap_defrag_flag,
};

/// A row for each flag that is looked at.
pub(super) fn flag_rows(
    node: &Located,
    version: Option<EtcdVersion>,
    wishes: &PreventWishes,
) -> Vec<SettingAdvice> {
    let is_set = |name: &str| now::now(node, version, name).is_set;
    let bootstrap = version.and_then(|version| bootstrap_defrag_flag(version, &is_set));
    let names = [
        Some("auto-compaction-mode"),
        Some("auto-compaction-retention"),
        Some("quota-backend-bytes"),
        Some("snapshot-count"),
        bootstrap,
        Some("listen-metrics-urls"),
    ];
    names
        .into_iter()
        .flatten()
        .map(|name| {
            let now = now::now(node, version, name);
            let (wanted, why) = advice(node, name, &now, wishes);
            SettingAdvice {
                name: name.to_owned(),
                now: now.value,
                source: now.source,
                wanted,
                why,
                edit: None,
            }
        })
        .collect()
}

/// What the flag should be though nobody asks, and why.
fn advice(
    node: &Located,
    name: &str,
    now: &now::Now,
    wishes: &PreventWishes,
) -> (Option<String>, String) {
    let keeps = wishes.auto_compaction.is_none();
    let why = match name {
        "auto-compaction-retention" => {
            let on = retention(node).or_else(|| {
                now.value.clone().filter(|value| now.is_set && !compaction::is_zero(value))
            });
            return match on {
                Some(_) => (None, "etcd drops its history by itself".to_owned()),
                None if now.value.is_none() => (None, String::new()),
                None if keeps => (
                    Some("1h".to_owned()),
                    format!(
                        "{WHY_COMPACTION}; it is left \
                                  as it is because that was asked for"
                    ),
                ),
                None => (Some("1h".to_owned()), WHY_COMPACTION.to_owned()),
            };
        }
        "quota-backend-bytes" => {
            let limit = now.value.as_ref().and_then(|value| value.parse().ok()).map(Bytes);
            quota::advice(limit, node.memory)
        }
        "snapshot-count" if now.value.as_deref() == Some("100000") => {
            "so many entries stay in memory; kubeadm and etcd 3.6 take 10000".to_owned()
        }
        name if Some(name) == now_off(name, now) => {
            "off; `etcd-rescue prevent --bootstrap-defrag 100` defragments at each start when 100 \
             MB or more are free"
                .to_owned()
        }
        "listen-metrics-urls" if now.value.is_none() && !now.is_elsewhere => {
            "probes, alert rules and `etcd-rescue diagnose` read it there without a certificate; \
             kubeadm sets http://127.0.0.1:2381"
                .to_owned()
        }
        _ => String::new(),
    };
    (None, why)
}

/// The name itself when it is the flag that defragments at the start, and off.
fn now_off<'a>(name: &'a str, now: &now::Now) -> Option<&'a str> {
    (name.contains("bootstrap-defrag") && now.value.as_deref() == Some("0")).then_some(name)
}

/// Puts a change into its row; one for a flag that has none gets a new one.
pub(super) fn put(settings: &mut Vec<SettingAdvice>, edit: &ManifestEdit) {
    let (name, value) = match edit {
        ManifestEdit::Flag { name, value } => (name.as_str(), value),
        ManifestEdit::ProbePath { kind, path } => (probes::name(*kind), path),
        ManifestEdit::HostPath { .. } | ManifestEdit::HostPathHasToExist { .. } => return,
    };
    match settings.iter_mut().find(|setting| setting.name == name) {
        Some(setting) => {
            setting.wanted = Some(value.clone());
            setting.edit = Some(edit.clone());
            if let ManifestEdit::Flag { .. } = edit {
                setting.why = asked_why(name).to_owned();
            }
        }
        None => settings.push(SettingAdvice {
            name: name.to_owned(),
            now: None,
            source: "not set".to_owned(),
            wanted: Some(value.clone()),
            why: asked_why(name).to_owned(),
            edit: Some(edit.clone()),
        }),
    }
}

fn asked_why(name: &str) -> &'static str {
    match name {
        "auto-compaction-mode" => "said outright, so that nobody has to know the default",
        "auto-compaction-retention" => WHY_COMPACTION,
        "quota-backend-bytes" => "asked for; the same on every master, then the alarm can go",
        _ => "asked for",
    }
}
