//! A manifest replaced, taken out and put back, on a directory of the test.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::*;
use crate::{
    consent::{self, Ask, Consent},
    model::{ManifestFile, Phase, Purpose, Step, UnfinishedChange},
};

/// Nobody is asked: the flag holds the word.
struct Nobody;

impl Ask for Nobody {
    fn can_ask(&self) -> bool {
        false
    }

    async fn yes_no(&self, _: &Step, _: bool, _: &str) -> consent::Answer {
        consent::Answer::Eof
    }

    async fn word(&self, _: &Step, _: &str, _: &str) -> consent::Answer {
        consent::Answer::Eof
    }

    async fn word_for(&self, _: &str, _: &str, _: &str) -> consent::Answer {
        consent::Answer::Eof
    }
}

fn consent() -> Consent {
    let asked = async { consent::by_word_or_flag("", "m", "", Some("m"), &Nobody).await };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(asked).expect("the word was given")
}

/// A manifests directory with one manifest, below a directory of its own.
struct Node {
    _root: tempfile::TempDir,
    parent: PathBuf,
    manifest: PathBuf,
}

impl Node {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let parent = root.path().canonicalize().expect("there").join("kubernetes");
        fs::create_dir_all(parent.join("manifests")).expect("made");
        let manifest = parent.join("manifests/etcd.yaml");
        fs::write(&manifest, "old\n").expect("written");
        fs::set_permissions(&manifest, fs::Permissions::from_mode(0o640)).expect("set");
        Self { _root: root, parent, manifest }
    }

    fn shown(&self) -> ManifestFile {
        let found = self.manifest.metadata().expect("there");
        ManifestFile {
            path: self.manifest.clone(),
            bytes: fs::read(&self.manifest).expect("readable"),
            sha256: place::sha256_of(&self.manifest).expect("readable"),
            mode: found.mode() & 0o7777,
            uid: found.uid(),
            gid: found.gid(),
        }
    }

    /// Every name in the manifests directory and above it.
    fn names(&self) -> [Vec<String>; 2] {
        [&self.parent.join("manifests"), &self.parent].map(|directory| {
            let entries = fs::read_dir(directory).expect("there").flatten();
            let mut names: Vec<String> =
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        })
    }

    fn holds(&self, text: &str) {
        assert_eq!(fs::read_to_string(&self.manifest).expect("there"), text);
        assert_eq!(self.names(), [vec!["etcd.yaml"], vec!["manifests"]]);
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("there").mode() & 0o7777
}

#[test]
fn a_manifest_is_replaced_with_its_mode_and_owner() {
    let node = Node::new();
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&node.manifest, Some(12), Some(34)).expect("root may");
    }
    let shown = node.shown();
    open_to_changes(&node.manifest).expect("open");
    replace(&shown, b"new\n", &consent()).expect("replaced");
    node.holds("new\n");
    let now = node.shown();
    assert_eq!((now.mode, now.uid, now.gid), (0o640, shown.uid, shown.gid));
}

#[test]
fn what_somebody_else_wrote_meanwhile_stays() {
    let node = Node::new();
    let shown = node.shown();
    fs::write(&node.manifest, "theirs\n").expect("written");
    let refused = replace(&shown, b"new\n", &consent());
    assert!(matches!(refused, Err(ManifestError::Changed { .. })), "{refused:?}");
    let refused = take_out(&shown, &consent());
    assert!(matches!(refused, Err(ManifestError::Changed { .. })), "{refused:?}");
    node.holds("theirs\n");
}

#[test]
fn before_its_last_step_the_old_manifest_lies_there_and_the_new_one_is_whole() {
    let node = Node::new();
    let new = outside::Outside::write(&node.shown(), &node.manifest, b"new\n").expect("written");
    let [inside, above] = node.names();
    assert_eq!(inside, ["etcd.yaml"]);
    assert_eq!(above.len(), 2);
    assert_eq!(fs::read(new.path()).expect("there"), b"new\n");
    assert_eq!(fs::read(&node.manifest).expect("there"), b"old\n");
    // As a killed run leaves it.
    std::mem::forget(new);
    fs::write(node.parent.join(".etcd-rescue-etcd.yaml.conf"), "not ours").expect("written");
    remove_left_over_manifests(&node.manifest);
    assert_eq!(node.names()[1], [".etcd-rescue-etcd.yaml.conf", "manifests"]);
    let dropped = outside::Outside::write(&node.shown(), &node.manifest, b"new\n");
    drop(dropped);
    assert_eq!(node.names()[1], [".etcd-rescue-etcd.yaml.conf", "manifests"]);
}

#[test]
fn the_backup_is_private_and_never_replaces_another() {
    let node = Node::new();
    let place = node.parent.join("rescue/manifests");
    let backup = back_up(&node.shown(), &place, "20260301T041500Z", &consent()).expect("copied");
    assert_eq!(backup, place.join("etcd.yaml.20260301T041500Z"));
    assert_eq!(fs::read(&backup).expect("there"), b"old\n");
    assert_eq!((mode(&place), mode(&backup)), (0o700, 0o600));
    let again = back_up(&node.shown(), &place, "20260301T041500Z", &consent());
    assert!(matches!(again, Err(ManifestError::Occupied { .. })), "{again:?}");
}

#[test]
fn a_manifest_is_taken_out_and_put_back_or_replaced_meanwhile() {
    let node = Node::new();
    let shown = node.shown();
    let held = take_out(&shown, &consent()).expect("taken out");
    assert_eq!(node.names()[0], Vec::<String>::new());
    assert_eq!(held, node.parent.join("etcd-rescue-held-etcd.yaml"));
    put_back(&node.manifest, &consent()).expect("put back");
    node.holds("old\n");
    assert_eq!(node.shown(), shown);

    take_out(&shown, &consent()).expect("taken out");
    put_in(&shown, b"new\n", &consent()).expect("put in");
    let occupied = put_in(&shown, b"newer\n", &consent());
    assert!(matches!(occupied, Err(ManifestError::Occupied { .. })), "{occupied:?}");
    let occupied = put_back(&node.manifest, &consent());
    assert!(matches!(occupied, Err(ManifestError::Occupied { .. })), "{occupied:?}");
    let other = remove_held(&node.manifest, &node.shown().sha256, &consent());
    assert!(matches!(other, Err(ManifestError::Changed { .. })), "{other:?}");
    remove_held(&node.manifest, &shown.sha256, &consent()).expect("removed");
    node.holds("new\n");
    assert_eq!(node.shown().mode, 0o640);
}

#[test]
fn one_that_is_held_already_is_not_lost() {
    let node = Node::new();
    let shown = node.shown();
    let held = take_out(&shown, &consent()).expect("taken out");
    fs::write(&node.manifest, "old\n").expect("written");
    let refused = take_out(&node.shown(), &consent());
    assert!(matches!(refused, Err(ManifestError::Occupied { .. })), "{refused:?}");
    assert_eq!(fs::read(held).expect("there"), b"old\n");
}

#[test]
fn the_record_is_whole_or_the_one_before() {
    let node = Node::new();
    let path = node.parent.join("rescue/record.json");
    let mut change = UnfinishedChange {
        purpose: Purpose::Relocate { from: "/a".into(), to: "/b".into() },
        manifest: node.manifest.clone(),
        backup: "/backup".into(),
        before_sha256: "b".to_owned(),
        after_sha256: "a".to_owned(),
        phase: Phase::Began,
        member: "m".to_owned(),
        container_before: None,
        began_at: "2026-03-01T04:15:00Z".to_owned(),
        command: "etcd-rescue relocate --to /b".to_owned(),
    };
    // Of a killed run.
    fs::create_dir_all(node.parent.join("rescue")).expect("made");
    fs::write(node.parent.join("rescue/record.json.new"), "{").expect("written");
    for phase in [Phase::Began, Phase::Replacing] {
        change.phase = phase;
        write_record(&path, &change).expect("written");
        let text = fs::read(&path).expect("there");
        assert_eq!(serde_json::from_slice::<UnfinishedChange>(&text).expect("read"), change);
        assert_eq!(mode(&path), 0o600);
    }
    remove_record(&path).expect("removed");
    remove_record(&path).expect("gone already");
    assert_eq!(fs::read_dir(node.parent.join("rescue")).expect("there").count(), 0);
}

#[test]
fn a_place_without_an_outside_is_refused() {
    // /proc is a mount point; nothing of it is changed.
    let refused = open_to_changes(Path::new("/proc/version"));
    assert!(matches!(refused, Err(ManifestError::NoPlaceOutside { .. })), "{refused:?}");
    assert!(refused.err().and_then(|error| error.hint()).is_some());
}
