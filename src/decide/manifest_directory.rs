//! Whether what lies in the kubelet's directory is in the way of changing
//! etcd's manifest: of two files that define one pod the later name wins, so
//! that a change of the other would do nothing, or the wrong etcd would run.

use std::path::Path;

use crate::model::{DirectoryFile, ManifestDirectory, Obstacle};

/// What has to be moved out of the directory before the manifest that runs now
/// is changed; empty = nothing.
#[must_use]
pub fn in_the_way(directory: &ManifestDirectory, manifest: &Path) -> Vec<Obstacle> {
    let Some(running) = directory.file(manifest) else { return Vec::new() };
    let mut found: Vec<Obstacle> = running.link.iter().map(|to| linked(running, to)).collect();
    let competes = |file: &&DirectoryFile| {
        file.path.file_name() != running.path.file_name()
            && file.pod.is_some()
            && (file.pod == running.pod || file.has_etcd || file.odd_name)
    };
    found.extend(directory.files.iter().filter(competes).map(|file| extra(running, file)));
    found
}

fn linked(file: &DirectoryFile, to: &Path) -> Obstacle {
    Obstacle {
        what: format!(
            "{} is a symbolic link to {}: replacing it would leave the file behind it as it is",
            file.path.display(),
            to.display()
        ),
        // Copied outside: half a manifest inside would be read as none.
        next: format!(
            "make it a file, in one step: `cp -p {0} {1} && mv -T {1} {0}`",
            file.path.display(),
            file.path.parent().unwrap_or(Path::new("/")).with_extension("copy").display()
        ),
    }
}

/// The copy is the one to move out; between two plain names a person has to
/// choose.
fn extra(running: &DirectoryFile, other: &DirectoryFile) -> Obstacle {
    let copy = if running.odd_name && !other.odd_name { running } else { other };
    let name = |file: &DirectoryFile| {
        file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let runs = if running.pod == other.pod {
        // The later name wins, and it is what was found to run.
        let (winner, loser) =
            if running.path > other.path { (running, other) } else { (other, running) };
        format!(
            "the kubelet reads every file of {}: both {} and {} define the same pod, and it runs \
             {}",
            directory_of(running),
            name(loser),
            name(winner),
            name(winner)
        )
    } else {
        format!(
            "the kubelet reads every file of {}: it runs {} besides {}",
            directory_of(running),
            name(other),
            name(running)
        )
    };
    let choice = if copy.odd_name { "" } else { " (or the other one, if that is the right one)" };
    Obstacle {
        what: runs,
        next: format!("move it out first: `mv {} /root/`{choice}", copy.path.display()),
    }
}

fn directory_of(file: &DirectoryFile) -> String {
    file.path.parent().unwrap_or(Path::new("/")).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PodName;

    fn file(name: &str, pod: Option<&str>) -> DirectoryFile {
        DirectoryFile {
            path: Path::new("/m").join(name),
            pod: pod.map(|pod| PodName { namespace: "kube-system".into(), name: pod.into() }),
            has_etcd: pod == Some("etcd"),
            odd_name: name.ends_with(".bak") || name.ends_with('~'),
            link: None,
        }
    }

    fn obstacles(running: &str, files: Vec<DirectoryFile>) -> Vec<Obstacle> {
        in_the_way(&ManifestDirectory { path: "/m".into(), files }, &Path::new("/m").join(running))
    }

    #[test]
    fn neighbours_are_none_and_copies_are() {
        let api = || file("kube-apiserver.yaml", Some("kube-apiserver"));
        let etcd = || file("etcd.yaml", Some("etcd"));
        assert_eq!(obstacles("etcd.yaml", vec![etcd(), api(), file("README", None)]), []);
        assert_eq!(obstacles("etcd.yaml", vec![etcd(), file("etcd.yaml.bak", None)]), []);
        let shadowed =
            obstacles("etcd.yaml.bak", vec![etcd(), file("etcd.yaml.bak", Some("etcd"))]);
        let [obstacle] = &shadowed[..] else { panic!("{shadowed:?}") };
        assert!(obstacle.what.ends_with("and it runs etcd.yaml.bak"), "{obstacle:?}");
        assert_eq!(obstacle.next, "move it out first: `mv /m/etcd.yaml.bak /root/`");
        let before = obstacles("etcd.yaml", vec![file("etcd-old", Some("etcd")), etcd()]);
        assert!(before[0].what.ends_with("it runs etcd.yaml"), "{before:?}");
        assert!(before[0].next.contains("etcd-old") && before[0].next.contains("right one"));
        let other = obstacles("etcd.yaml", vec![api(), etcd(), file("x.bak", Some("x"))]);
        assert!(other[0].what.contains("it runs x.bak besides etcd.yaml"), "{other:?}");
    }

    #[test]
    fn a_link_is_not_replaced() {
        let mut etcd = file("etcd.yaml", Some("etcd"));
        etcd.link = Some("/elsewhere/etcd.yaml".into());
        let found = obstacles("etcd.yaml", vec![etcd]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].next.ends_with("`cp -p /m/etcd.yaml /m.copy && mv -T /m.copy /m/etcd.yaml`")
        );
    }
}
