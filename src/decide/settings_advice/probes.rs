//! Whether the kubelet's probes kill an etcd that is only full.

use crate::model::{
    Behaviour::{HealthExclude, HealthExcludesOne, HealthSerializable, Livez},
    EtcdVersion, Manifest, Probe, ProbeKind, SettingAdvice,
};

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
    if asks_livez && version.has(Livez) {
        return (None, "good: NOSPACE does not make it fail".to_owned());
    }
    if asks_livez {
        return (better, format!("etcd {version} does not know this path"));
    }
    if excludes && version.has(HealthExclude) {
        let why = match version.has(HealthExcludesOne) {
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

/// What a probe asks in this release so that NOSPACE does not fail it (etcd
/// server/etcdserver/api/etcdhttp/health.go by tag).
pub(in crate::decide) fn probe_path(kind: ProbeKind, version: EtcdVersion) -> Option<&'static str> {
    let is_liveness = kind == ProbeKind::Liveness;
    if version.has(Livez) {
        return Some(if is_liveness { "/livez" } else { "/readyz" });
    }
    if version.has(HealthSerializable) && is_liveness {
        return Some("/health?exclude=NOSPACE&serializable=true");
    }
    version.has(HealthExclude).then_some("/health?exclude=NOSPACE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_is_asked_what_it_knows() {
        let exclude = Some("/health?exclude=NOSPACE");
        let local = Some("/health?exclude=NOSPACE&serializable=true");
        for (version, liveness, startup) in [
            ("3.4.15", None, None),
            ("3.4.16", exclude, exclude),
            ("3.4.23", exclude, exclude),
            ("3.4.29", Some("/livez"), Some("/readyz")),
            ("3.5.1", exclude, exclude),
            ("3.5.3", local, exclude),
            ("3.5.11", Some("/livez"), Some("/readyz")),
            ("3.6.14", Some("/livez"), Some("/readyz")),
            ("3.7.1", Some("/livez"), Some("/readyz")),
        ] {
            let known = version.parse().expect("a version");
            assert_eq!(probe_path(ProbeKind::Liveness, known), liveness, "{version}");
            assert_eq!(probe_path(ProbeKind::Startup, known), startup, "{version}");
        }
    }
}
