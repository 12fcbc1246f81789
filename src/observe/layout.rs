//! Which installation this node is: gathers what the rows of `model::layout` are
//! told by. Judges nothing itself.

use std::path::Path;

use super::{arguments::Arguments, host::HostRoot, process};
use crate::model::{
    Located,
    layout::{ALL, Clues, Detected, Sign, tell},
};

/// Where a system says what it is (os-release(5)).
const OS_RELEASE: &str = "/etc/os-release";

/// Flags of etcd whose paths tell.
const TELLING: [(&str, &str); 4] = [
    ("data-dir", "data directory"),
    ("cert-file", "certificate"),
    ("trusted-ca-file", "CA"),
    ("config-file", "settings file"),
];

/// By etcd's settings and all that was found of it. `named` says who names an etcd
/// that is not here.
#[must_use]
pub fn of_etcd(
    host: &HostRoot,
    arguments: &Arguments,
    located: &Located,
    named: Option<String>,
) -> Detected {
    let parent = located.process.as_ref().and_then(|it| process::parent_name(host, it.pid));
    let mut clues = Clues { named, parent, ..Clues::of(located) };
    for (_, path) in &mut clues.paths {
        *path = host.inside(path);
    }
    // As etcd calls them; and settings that stand in a file are told by that file.
    for (flag, what) in TELLING {
        let Some(found) = arguments.path(flag) else { continue };
        let source = found.source.rsplit_once(" of ").map(|(_, owner)| owner);
        let file = source.filter(|owner| owner.starts_with('/'));
        clues.paths.push((what, host.inside(&found.value)));
        clues.paths.extend(file.map(|file| ("settings file", host.inside(Path::new(file)))));
    }
    tell(&clues)
}

/// By what is there of an installation whose etcd does not run; `None` when
/// nothing is.
#[must_use]
pub fn of_node(host: &HostRoot) -> Option<Detected> {
    let signs = ALL.iter().flat_map(|row| row.signs);
    let there = signs.filter_map(|sign| match sign {
        Sign::There(path) => host.path(path).exists().then_some(*path),
        _ => None,
    });
    let os = std::fs::read_to_string(host.path(OS_RELEASE)).unwrap_or_default();
    let os = os.lines().find_map(|line| line.strip_prefix("ID="));
    let clues = Clues {
        there: there.collect(),
        os: os.map(|id| id.trim_matches(['"', '\'']).to_owned()),
        ..Clues::default()
    };
    Some(tell(&clues)).filter(|detected| !detected.layout.signs.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_by_where_they_stand() {
        let host = HostRoot::new("/tmp/x");
        let env = ["ETCD_DATA_DIR=/srv/etcd".to_owned()];
        let arguments = Arguments::read(&[], &env, "/etc/etcd.env");
        let told = of_etcd(&host, &arguments, &Located::default(), None);
        assert_eq!(told.layout.id, "kubespray");
        assert_eq!(told.evidence, ["etcd's settings file is /etc/etcd.env"]);
        let unread = ["etcd", "--config-file=/data/rke2/server/db/etcd/config"].map(str::to_owned);
        let unread = Arguments::read(&unread, &[], "pid 7");
        let told = of_etcd(&host, &unread, &Located::default(), None);
        assert_eq!(told.layout.id, "rke2", "{told:?}");
        let named = Some("named".to_owned());
        let away = of_etcd(&host, &Arguments::default(), &Located::default(), named);
        assert_eq!(away.layout.id, "external");
    }

    #[test]
    fn a_node_without_etcd_is_told_by_its_system() {
        let root = tempfile::tempdir().expect("a directory");
        let host = HostRoot::new(root.path());
        assert_eq!(of_node(&host), None);
        std::fs::create_dir_all(host.path("/etc")).expect("made");
        std::fs::write(host.path(OS_RELEASE), "NAME=x\nID=\"talos\"\n").expect("written");
        assert_eq!(of_node(&host).map(|it| it.layout.id), Some("talos"));
    }
}
