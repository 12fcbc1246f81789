//! Manifests that are to be edited: whatever the text is, an edit that is made
//! changes what it says and nothing else.

use std::path::Path;

use etcd_rescue::{
    decide::{edit_manifest, manifest_text},
    model::{DiffKind, EditedManifest, ManifestEdit, ProbeKind},
    observe::yaml,
};

/// A manifest.
pub fn manifest_edit(bytes: &[u8]) {
    let Ok(text) = manifest_text(bytes) else { return };
    let flag = |name: &str, value: &str| ManifestEdit::Flag {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    for edits in [
        vec![flag("auto-compaction-mode", "periodic"), flag("auto-compaction-retention", "1h")],
        vec![flag("quota-backend-bytes", "8589934592")],
        vec![flag("name", "it's \"#1\": a {b}")],
        vec![ManifestEdit::ProbePath { kind: ProbeKind::Liveness, path: "/livez".to_owned() }],
        vec![ManifestEdit::HostPath {
            from: Path::new("/var/lib/etcd").to_owned(),
            to: Path::new("/mnt/a b").to_owned(),
        }],
    ] {
        if let Ok(edited) = edit_manifest(text, &edits) {
            holds(text, &edits, &edited);
        }
    }
}

fn holds(old: &str, edits: &[ManifestEdit], edited: &EditedManifest) {
    let again = edit_manifest(&edited.text, edits).expect("what was edited can be edited");
    assert!(again.lines.is_empty() && again.text == edited.text, "a second time is no change");
    assert_eq!(edited.lines.is_empty(), edited.text == old);
    // Without the added lines, and with the removed ones back, it is the old.
    let numbers = |kind| edited.lines.iter().filter(move |line| line.kind == kind);
    let added: Vec<usize> = numbers(DiffKind::Added).map(|line| line.number).collect();
    let removed: Vec<usize> = numbers(DiffKind::Removed).map(|line| line.number).collect();
    let kept = |text: &str, gone: &[usize]| -> Vec<String> {
        let lines = text.lines().enumerate();
        lines
            .filter(|(index, _)| !gone.contains(&(index + 1)))
            .map(|(_, line)| line.to_owned())
            .collect()
    };
    assert_eq!(kept(&edited.text, &added), kept(old, &removed));
    // Another reader sees the values.
    let documents = yaml::parse(&edited.text).expect("it parses");
    let pod = documents.first().expect("a document");
    let containers = yaml::items(pod, &["spec", "containers"]);
    let container = containers.first().expect("a container");
    let mut words = yaml::texts(container, &["command"]);
    words.extend(yaml::texts(container, &["args"]));
    for edit in edits {
        match edit {
            ManifestEdit::Flag { name, value } => {
                let one = format!("-{name}={value}");
                let by_words = words.iter().any(|word| word.ends_with(&one))
                    || words
                        .windows(2)
                        .any(|pair| pair[0].trim_start_matches('-') == name && pair[1] == *value);
                let by_variable = yaml::items(container, &["env"])
                    .iter()
                    .any(|entry| yaml::text(entry, &["value"]).as_ref() == Some(value));
                assert!(by_words || by_variable, "{words:?}");
            }
            ManifestEdit::ProbePath { path, .. } => {
                let asked = yaml::text(container, &["livenessProbe", "httpGet", "path"]);
                assert_eq!(asked.as_ref(), Some(path));
            }
            ManifestEdit::HostPath { to, .. } => {
                let volumes = yaml::items(pod, &["spec", "volumes"]);
                let is_there = volumes.iter().any(|volume| {
                    yaml::text(volume, &["hostPath", "path"])
                        .is_some_and(|path| Path::new(&path) == to)
                });
                assert!(is_there);
            }
            ManifestEdit::HostPathHasToExist { path: to } => {
                let volumes = yaml::items(pod, &["spec", "volumes"]);
                let is_there = volumes.iter().any(|volume| {
                    yaml::text(volume, &["hostPath", "path"])
                        .is_some_and(|path| Path::new(&path) == to)
                        && yaml::text(volume, &["hostPath", "type"]).as_deref() == Some("Directory")
                });
                assert!(is_there);
            }
        }
    }
}
