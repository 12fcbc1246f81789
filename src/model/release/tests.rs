//! What the table says of each release, and that it is one.

use super::{Behaviour::*, *};

fn has(version: &str, what: Behaviour) -> bool {
    version.parse::<EtcdVersion>().expect("a version").has(what)
}

#[test]
fn each_line_has_its_own_fix() {
    for (version, what, expected) in [
        ("3.4.3", CrashDuringDefrag, true),
        ("3.4.4", CrashDuringDefrag, false),
        ("3.5.0", CrashDuringDefrag, true),
        ("3.5.5", CrashDuringDefrag, true),
        ("3.5.6", CrashDuringDefrag, false),
        ("3.4.23", CrashDuringDefrag, false),
        ("3.4.23", NoSpaceDuringDefragKills, true),
        ("3.4.35", NoSpaceDuringDefragKills, false),
        ("3.5.16", NoSpaceDuringDefragKills, true),
        ("3.5.17", NoSpaceDuringDefragKills, false),
        ("3.6.0", NoSpaceDuringDefragKills, false),
        ("3.5.4", AlarmTraffic, true),
        ("3.5.5", AlarmTraffic, false),
        ("3.6.4", DefragDuringRaftSnapshot, true),
        ("3.6.5", DefragDuringRaftSnapshot, false),
        ("3.7.0", DefragDuringRaftSnapshot, false),
    ] {
        assert_eq!(has(version, what), expected, "{version} {what:?}");
    }
}

#[test]
fn each_release_knows_what_it_brought() {
    for (what, without, with) in [
        (Livez, ["3.4.28", "3.5.0", "3.5.10"], ["3.4.29", "3.5.11", "3.6.0"]),
        (HealthSerializable, ["3.4.28", "3.5.0", "3.5.2"], ["3.4.29", "3.5.3", "3.7.1"]),
        (HealthExclude, ["3.4.0", "3.4.14", "3.4.15"], ["3.4.16", "3.5.0", "3.7.1"]),
        (HealthExcludesOne, ["3.4.15", "3.4.19", "3.5.3"], ["3.4.16", "3.4.18", "3.5.2"]),
        (StatusTellsQuota, ["3.4.45", "3.5.1", "3.5.30"], ["3.6.0", "3.6.14", "3.7.1"]),
        (KeepsFewEntries, ["3.4.23", "3.5.16", "3.5.30"], ["3.6.0", "3.6.14", "3.7.1"]),
        (StableFlags, ["3.4.23", "3.5.1", "3.5.30"], ["3.6.0", "3.6.14", "3.7.1"]),
        (ExperimentalFlags, ["3.7.0", "3.7.1", "3.8.0"], ["3.4.23", "3.5.30", "3.6.14"]),
        (BootstrapDefrag, ["3.4.0", "3.4.23", "3.4.45"], ["3.5.0", "3.6.14", "3.7.1"]),
    ] {
        for version in without {
            assert!(!has(version, what), "{version} {what:?}");
        }
        for version in with {
            assert!(has(version, what), "{version} {what:?}");
        }
    }
}

/// The same from 3.4 to 3.7: what our defaults and edits are written with.
#[test]
fn flags_are_called_as_their_release_calls_them() {
    let name = |version: &str, is_set: bool| {
        let version = version.parse().expect("a version");
        let name = bootstrap_defrag_flag(version, &|_| is_set)?;
        Some(name.trim_end_matches(BOOTSTRAP_DEFRAG))
    };
    let (stable, experimental) = (Some(""), Some("experimental-"));
    for (version, expected, when_the_older_is_set) in [
        ("3.4.45", None, None),
        ("3.5.0", experimental, experimental),
        ("3.5.30", experimental, experimental),
        ("3.6.14", stable, experimental),
        ("3.7.0", stable, stable),
    ] {
        assert_eq!(name(version, false), expected, "{version}");
        assert_eq!(name(version, true), when_the_older_is_set, "{version}");
    }
    let count = |version: &str| flag_default("snapshot-count", version.parse().ok());
    assert_eq!(count("3.5.30"), Some("100000"));
    assert_eq!(count("3.6.0"), Some("10000"));
    assert_eq!(count("unknown"), None);
    assert_eq!(flag_default("quota-backend-bytes", None), Some("2147483648"));
    assert_eq!(flag_default("name", None), None);
}

#[test]
fn every_row_is_a_stretch_with_a_source() {
    for (at, row) in table::ROWS.iter().enumerate() {
        assert!(row.from < row.until, "{row:?}");
        assert!(row.source.contains(char::is_numeric) && row.source.len() > 10, "{row:?}");
        let overlaps = |other: &&Row| {
            row.what == other.what && row.from < other.until && other.from < row.until
        };
        let later = table::ROWS.iter().skip(at + 1).find(overlaps);
        assert_eq!(later, None, "{row:?}");
    }
}
