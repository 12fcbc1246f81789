//! Directories that are known to be written to a lot. They are on filesystems
//! that may never answer: each is looked at in a thread that may be left
//! behind.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use super::{asked::Asked, block_device::entries};
use crate::{
    model::{diagnosis::SharerKind, layout},
    observe::host::HostRoot,
};

/// Most entries of Longhorn's that are counted.
const MOST: usize = 10_000;

/// Where they are by default, besides those of the installations' rows.
const KNOWN: [(&str, SharerKind); 13] = [
    ("/var/lib/longhorn", SharerKind::Longhorn),
    ("/var/lib/rook", SharerKind::Rook),
    ("/var/lib/ceph", SharerKind::Rook),
    ("/var/openebs", SharerKind::OpenEbs),
    ("/opt/local-path-provisioner", SharerKind::LocalVolumes),
    ("/var/log", SharerKind::Logs),
    ("/var/lib/prometheus", SharerKind::Database),
    ("/var/lib/postgresql", SharerKind::Database),
    ("/var/lib/pgsql", SharerKind::Database),
    ("/var/lib/mysql", SharerKind::Database),
    ("/var/lib/mongodb", SharerKind::Database),
    ("/var/lib/elasticsearch", SharerKind::Database),
    ("/var/lib/rabbitmq", SharerKind::Database),
];

/// A directory that is there and holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub kind: SharerKind,
    /// As it is known.
    pub path: PathBuf,
    /// Without symlinks.
    pub real: PathBuf,
    /// More about it.
    pub detail: Option<String>,
}

/// All of them; a directory of several installations comes once for each.
fn known() -> impl Iterator<Item = (&'static str, SharerKind)> {
    KNOWN.iter().chain(layout::ALL.iter().flat_map(|row| row.sharers)).copied()
}

/// What a directory of this path is, by default.
#[must_use]
pub fn kind(path: &Path) -> Option<SharerKind> {
    known().find(|(known, _)| path == Path::new(known)).map(|(_, kind)| kind)
}

/// Looks under way.
#[derive(Debug)]
pub struct Looks(Vec<(PathBuf, Asked<Option<Seen>>)>);

/// Begins to look at all of them, and at these mount points, of which some may
/// be Longhorn's.
#[must_use]
pub fn look(host: &HostRoot, mount_points: &[PathBuf]) -> Looks {
    let mut once = Vec::new();
    for (path, kind) in known() {
        let path = PathBuf::from(path);
        if once.iter().all(|(seen, _)| *seen != path) {
            once.push((path, Some(kind)));
        }
    }
    let others = mount_points.iter().filter(|path| kind(path).is_none());
    let all = once.into_iter().chain(others.map(|path| (path.clone(), None)));
    let start = |(path, kind): (PathBuf, Option<SharerKind>)| {
        let (host, own) = (host.clone(), path.clone());
        (path, Asked::new(move || one(&host, &own, kind)))
    };
    Looks(all.map(start).collect())
}

impl Looks {
    /// Those that are there, and complaints about those that did not answer
    /// by then.
    #[must_use]
    pub fn by(self, deadline: Instant) -> (Vec<Seen>, Vec<String>) {
        let (mut seen, mut complaints) = (Vec::new(), Vec::new());
        for (path, asked) in self.0 {
            match asked.by(deadline) {
                Some(found) => seen.extend(found),
                None => complaints
                    .push(format!("{} does not answer: its disk may hang", path.display())),
            }
        }
        (seen, complaints)
    }
}

fn one(host: &HostRoot, path: &Path, kind: Option<SharerKind>) -> Option<Seen> {
    let real = fs::canonicalize(host.path(path)).ok()?;
    let replicas = longhorn_replicas(&real);
    let kind = replicas.is_some().then_some(SharerKind::Longhorn).or(kind)?;
    fs::read_dir(&real).ok()?.next()?.ok()?;
    let detail = replicas.map(|count| match count {
        1 => "1 replica".to_owned(),
        count => format!("{count} replicas"),
    });
    Some(Seen { kind, path: path.to_owned(), real: host.inside(&real), detail })
}

/// A disk of Longhorn's has this file; each replica is a directory of its own.
fn longhorn_replicas(directory: &Path) -> Option<usize> {
    directory.join("longhorn-disk.cfg").exists().then_some(())?;
    let replicas = directory.join("replicas");
    Some(entries(&replicas).iter().take(MOST).filter(|name| replicas.join(name).is_dir()).count())
}
