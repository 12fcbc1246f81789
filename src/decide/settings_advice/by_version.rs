//! What each release of etcd knows and takes for granted: names of flags,
//! defaults, health checks.

use crate::model::{EtcdVersion, ProbeKind};

const fn v(major: u32, minor: u32, patch: u32) -> EtcdVersion {
    EtcdVersion::new(major, minor, patch)
}

/// What etcd does when nothing is set, the newest first (etcd
/// server/embed/config.go by tag; 3.6 keeps fewer entries in memory).
const SNAPSHOT_COUNT: [(EtcdVersion, &str); 2] = [(v(3, 6, 0), "10000"), (v(3, 2, 0), "100000")];

/// The default of a flag in this release; `None` when it has none, or when it
/// is not known.
pub(super) fn default(flag: &str, version: Option<EtcdVersion>) -> Option<&'static str> {
    match flag {
        "auto-compaction-mode" => Some("periodic"),
        "auto-compaction-retention" => Some("0"),
        "quota-backend-bytes" => Some("2147483648"),
        "snapshot-count" => {
            let version = version?;
            let row = SNAPSHOT_COUNT.iter().find(|(since, _)| version >= *since);
            row.map(|(_, default)| *default)
        }
        name if name.ends_with(BOOTSTRAP_DEFRAG) => Some("0"),
        _ => None,
    }
}

/// The flag's name from 3.6 on.
const BOOTSTRAP_DEFRAG: &str = "bootstrap-defrag-threshold-megabytes";

/// The flag that defragments at the start: 3.5.0 brought it as experimental
/// (etcd pull request 12941), 3.6 renamed it (19267).
pub(in crate::decide) fn bootstrap_defrag_flag(version: EtcdVersion) -> Option<&'static str> {
    if version >= v(3, 6, 0) {
        Some(BOOTSTRAP_DEFRAG)
    } else if version >= v(3, 5, 0) {
        Some("experimental-bootstrap-defrag-threshold-megabytes")
    } else {
        None
    }
}

/// Whether a release has what came with 3.4.x and with 3.5.x.
fn since(version: EtcdVersion, in_34: EtcdVersion, in_35: EtcdVersion) -> bool {
    version >= in_35 || (in_34..v(3, 5, 0)).contains(&version)
}

/// `/livez` and `/readyz`: neither looks at NOSPACE.
pub(super) fn knows_livez(version: EtcdVersion) -> bool {
    since(version, v(3, 4, 29), v(3, 5, 11))
}

/// `/health?serializable=true`: does not need a leader.
pub(super) fn knows_serializable(version: EtcdVersion) -> bool {
    since(version, v(3, 4, 29), v(3, 5, 3))
}

/// `/health?exclude=NOSPACE`.
pub(super) fn knows_exclude(version: EtcdVersion) -> bool {
    since(version, v(3, 4, 16), v(3, 5, 0))
}

/// Releases whose `exclude` skips only one of several alarmed members.
pub(super) fn excludes_one_alarm(version: EtcdVersion) -> bool {
    knows_exclude(version) && !since(version, v(3, 4, 19), v(3, 5, 3))
}

/// What a probe asks in this release so that NOSPACE does not fail it (etcd
/// server/etcdserver/api/etcdhttp/health.go by tag).
pub(in crate::decide) fn probe_path(kind: ProbeKind, version: EtcdVersion) -> Option<&'static str> {
    let is_liveness = kind == ProbeKind::Liveness;
    if knows_livez(version) {
        return Some(if is_liveness { "/livez" } else { "/readyz" });
    }
    if knows_serializable(version) && is_liveness {
        return Some("/health?exclude=NOSPACE&serializable=true");
    }
    knows_exclude(version).then_some("/health?exclude=NOSPACE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_by_its_own_words() {
        use ProbeKind::{Liveness, Startup};
        let exclude = Some("/health?exclude=NOSPACE");
        let local = Some("/health?exclude=NOSPACE&serializable=true");
        for (version, liveness, startup, defrag) in [
            (v(3, 4, 15), None, None, None),
            (v(3, 4, 16), exclude, exclude, None),
            (v(3, 4, 29), Some("/livez"), Some("/readyz"), None),
            (v(3, 5, 0), exclude, exclude, Some("experimental-")),
            (v(3, 5, 3), local, exclude, Some("experimental-")),
            (v(3, 5, 11), Some("/livez"), Some("/readyz"), Some("experimental-")),
            (v(3, 6, 0), Some("/livez"), Some("/readyz"), Some("")),
        ] {
            assert_eq!(probe_path(Liveness, version), liveness, "{version}");
            assert_eq!(probe_path(Startup, version), startup, "{version}");
            let expected = defrag.map(|prefix| format!("{prefix}{BOOTSTRAP_DEFRAG}"));
            assert_eq!(bootstrap_defrag_flag(version), expected.as_deref(), "{version}");
        }
        let count = |version| default("snapshot-count", version);
        assert_eq!(count(Some(v(3, 5, 30))), Some("100000"));
        assert_eq!(count(Some(v(3, 6, 0))), Some("10000"));
        assert_eq!(count(None), None);
    }
}
