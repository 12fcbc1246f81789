//! Whether the kubelet's probes kill an etcd that is only full.

use super::by_version::{excludes_one_alarm, knows_exclude, knows_livez, probe_path};
use crate::model::{EtcdVersion, Manifest, Probe, ProbeKind, SettingAdvice};

/// A row for each HTTP probe of the manifest.
pub(super) fn rows(manifest: &Manifest, version: Option<EtcdVersion>) -> Vec<SettingAdvice> {
    let source = manifest.path.display().to_string();
    manifest
        .probes
        .iter()
        .map(|probe| {
            let (wanted, why) = match version {
                Some(version) => judged(probe, version),
                None => (None, "etcd's version is not known".to_owned()),
            };
            SettingAdvice {
                name: name(probe.kind).to_owned(),
                now: Some(probe.path.clone()),
                source: source.clone(),
                wanted,
                why,
                edit: None,
            }
        })
        .collect()
}

/// What a probe is called in tables.
pub(super) fn name(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Liveness => "liveness probe",
        ProbeKind::Startup => "startup probe",
        ProbeKind::Readiness => "readiness probe",
    }
}

fn judged(probe: &Probe, version: EtcdVersion) -> (Option<String>, String) {
    let asks_livez = ["/livez", "/readyz"].iter().any(|path| probe.path.starts_with(path));
    let excludes = probe.path.starts_with("/health") && probe.path.contains("exclude=NOSPACE");
    let better = probe_path(probe.kind, version).map(str::to_owned);
    let acts = match probe.kind {
        ProbeKind::Liveness => "the kubelet kills etcd again and again",
        ProbeKind::Startup => "a restarted etcd is killed before it counts as started",
        ProbeKind::Readiness => "etcd counts as not ready",
    };
    if asks_livez && knows_livez(version) {
        return (None, "good: NOSPACE does not make it fail".to_owned());
    }
    if asks_livez {
        return (better, format!("etcd {version} does not know this path"));
    }
    if excludes && knows_exclude(version) {
        let why = match excludes_one_alarm(version) {
            true => {
                format!("etcd {version} leaves out one alarm only: with two full members {acts}")
            }
            false => "leaves NOSPACE out".to_owned(),
        };
        return (None, why);
    }
    if !probe.path.starts_with("/health") {
        return (None, "not a health check of etcd's that we know".to_owned());
    }
    match better {
        Some(better) => {
            (Some(better), format!("it fails while NOSPACE is on, and {acts}; --probes changes it"))
        }
        None => (
            None,
            format!(
                "it fails while NOSPACE is on, and {acts}; etcd {version} has no check that does \
                 not, 3.4.16 and later do"
            ),
        ),
    }
}
