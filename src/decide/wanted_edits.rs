//! Which changes to etcd's manifest bring the wanted settings about, in the
//! words of this release: nothing for what is so already, and never a flag
//! that this etcd does not know. Pure.

use crate::model::{
    EtcdVersion, Manifest, ManifestEdit, Obstacle, PreventWishes, Probe, bootstrap_defrag_flag,
};

use super::settings_advice::probe_path;

/// The changes, in the order they are shown.
///
/// # Errors
/// Wishes that this release cannot fulfil.
pub fn wanted_edits(
    manifest: &Manifest,
    version: EtcdVersion,
    wishes: &PreventWishes,
) -> Result<Vec<ManifestEdit>, Obstacle> {
    // In mode revision a bare number is no time.
    let periodic = wishes.auto_compaction.as_ref().is_some_and(|(mode, _)| mode == "periodic");
    let mut edits = Vec::new();
    let mut want = |name: &str, value: String| {
        let now = flag(&manifest.args, name);
        let is_time = periodic && name == "auto-compaction-retention";
        if !now.is_some_and(|now| now == value || (is_time && same_hours(now, &value))) {
            edits.push(ManifestEdit::Flag { name: name.to_owned(), value });
        }
    };
    if let Some((mode, retention)) = &wishes.auto_compaction {
        want("auto-compaction-mode", mode.clone());
        want("auto-compaction-retention", retention.clone());
    }
    if let Some(quota) = wishes.quota {
        want("quota-backend-bytes", quota.0.to_string());
    }
    if let Some(count) = wishes.snapshot_count {
        want("snapshot-count", count.to_string());
    }
    if let Some(megabytes) = wishes.bootstrap_defrag {
        let is_set = |name: &str| flag(&manifest.args, name).is_some();
        let name = bootstrap_defrag_flag(version, &is_set).ok_or_else(|| Obstacle {
            what: format!("etcd {version} cannot defragment by itself when it starts"),
            next: "leave --bootstrap-defrag out; it came with etcd 3.5".to_owned(),
        })?;
        want(name, megabytes.to_string());
    }
    if wishes.probes {
        edits.extend(probes(&manifest.probes, version)?);
    }
    Ok(edits)
}

/// The last value of a flag, which is the one etcd takes.
#[must_use]
pub fn flag<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let mut found = None;
    for (at, word) in args.iter().enumerate() {
        let Some(word) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            continue;
        };
        if word == name {
            found = args.get(at + 1).map(String::as_str);
        } else if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('='))
        {
            found = Some(value);
        }
    }
    found
}

/// A bare retention is hours (etcd's documentation of the flag).
fn same_hours(now: &str, wanted: &str) -> bool {
    let hours = |value: &str| value.strip_suffix('h').unwrap_or(value).to_owned();
    hours(now) == hours(wanted)
}

fn probes(probes: &[Probe], version: EtcdVersion) -> Result<Vec<ManifestEdit>, Obstacle> {
    let old: Vec<&Probe> =
        probes.iter().filter(|probe| probe.path.starts_with("/health")).collect();
    let mut edits = Vec::new();
    for probe in old {
        let path = probe_path(probe.kind, version).ok_or_else(|| Obstacle {
            what: format!("no health check of etcd {version} passes while the alarm is on"),
            next: "leave --probes out, and update etcd: 3.4.16 is the first that has one"
                .to_owned(),
        })?;
        if probe.path != path {
            edits.push(ManifestEdit::ProbePath { kind: probe.kind, path: path.to_owned() });
        }
    }
    Ok(edits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, ProbeKind, ProbeTiming};

    fn manifest(args: &str, probes: &[(ProbeKind, &str)]) -> Manifest {
        let timing =
            ProbeTiming { initial_delay: 0, period: 10, timeout: 15, failure_threshold: 8 };
        let probe = |(kind, path): &(ProbeKind, &str)| Probe {
            kind: *kind,
            path: (*path).to_owned(),
            port: Some(2381),
            timing,
        };
        Manifest {
            path: "/m/etcd.yaml".into(),
            args: args.split(' ').map(str::to_owned).collect(),
            probes: probes.iter().map(probe).collect(),
        }
    }

    fn wishes() -> PreventWishes {
        PreventWishes {
            auto_compaction: Some(("periodic".to_owned(), "1h".to_owned())),
            quota: None,
            snapshot_count: None,
            bootstrap_defrag: None,
            probes: false,
        }
    }

    #[test]
    fn what_is_so_already_is_not_changed() {
        let version = EtcdVersion::new(3, 5, 16);
        let so = "etcd --auto-compaction-mode=periodic --auto-compaction-retention 1";
        assert_eq!(wanted_edits(&manifest(so, &[]), version, &wishes()), Ok(Vec::new()));
        let other = "etcd --auto-compaction-mode=periodic --auto-compaction-retention=8h";
        let edit = ManifestEdit::Flag {
            name: "auto-compaction-retention".to_owned(),
            value: "1h".to_owned(),
        };
        assert_eq!(wanted_edits(&manifest(other, &[]), version, &wishes()), Ok(vec![edit]));
        let twice = "etcd --quota-backend-bytes=1 --quota-backend-bytes=2";
        assert_eq!(flag(&manifest(twice, &[]).args, "quota-backend-bytes"), Some("2"));
    }

    /// In etcd 3.6 the older of two names counts, and 3.7 knows it no more.
    #[test]
    fn a_flag_left_from_the_release_before_is_the_one_that_is_changed() {
        let wanted =
            PreventWishes { auto_compaction: None, bootstrap_defrag: Some(100), ..wishes() };
        let left = "etcd --experimental-bootstrap-defrag-threshold-megabytes=50";
        let named = |version| match wanted_edits(&manifest(left, &[]), version, &wanted).as_deref()
        {
            Ok([ManifestEdit::Flag { name, value }]) => (name.clone(), value.clone()),
            other => panic!("{other:?}"),
        };
        let flag = "bootstrap-defrag-threshold-megabytes".to_owned();
        let older = format!("experimental-{flag}");
        assert_eq!(named(EtcdVersion::new(3, 6, 14)), (older, "100".to_owned()));
        assert_eq!(named(EtcdVersion::new(3, 7, 1)), (flag, "100".to_owned()));
    }

    #[test]
    fn flags_and_probes_are_those_of_the_release() {
        let wanted = PreventWishes {
            auto_compaction: None,
            bootstrap_defrag: Some(100),
            probes: true,
            quota: Some(Bytes(1 << 32)),
            ..wishes()
        };
        let old = [
            (ProbeKind::Liveness, "/health?exclude=NOSPACE&serializable=true"),
            (ProbeKind::Startup, "/health?serializable=false"),
        ];
        let edits = |(major, minor, patch)| {
            let edits = wanted_edits(
                &manifest("etcd", &old),
                EtcdVersion::new(major, minor, patch),
                &wanted,
            );
            edits.map(|edits| edits.iter().map(|edit| format!("{edit:?}")).collect::<Vec<_>>())
        };
        let new = edits((3, 6, 4)).expect("edits").join("\n");
        assert!(new.contains("\"bootstrap-defrag") && new.contains("4294967296"), "{new}");
        assert!(new.contains("/livez") && new.contains("/readyz"), "{new}");
        let older = edits((3, 5, 9)).expect("edits").join("\n");
        assert!(older.contains("\"experimental-bootstrap-defrag"), "{older}");
        // The liveness probe is right already; the startup probe is not.
        assert!(older.contains("Startup, path: \"/health?exclude=NOSPACE\""), "{older}");
        assert!(!older.contains("Liveness"), "{older}");
        assert!(edits((3, 4, 23)).is_err(), "no such flag");
        let newest = edits((3, 7, 1)).expect("edits").join("\n");
        assert!(
            newest.contains("\"bootstrap-defrag") && !newest.contains("experimental"),
            "{newest}"
        );
        let only_probes = PreventWishes { bootstrap_defrag: None, ..wanted.clone() };
        let at = |patch| {
            let version = EtcdVersion::new(3, 4, patch);
            wanted_edits(&manifest("etcd", &old), version, &only_probes).is_ok()
        };
        assert!(at(23) && !at(15));
    }
}
