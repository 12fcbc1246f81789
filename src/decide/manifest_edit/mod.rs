//! Changes to etcd's static-pod manifest that leave every other byte as it is:
//! text to text. Each change is found by the places a YAML parser tells, done
//! in its line, and then proved: the new text must parse to the old tree with
//! that one change. What is written in a way we do not know is refused.

mod change;
mod command;
mod environment;
mod flag;
mod lines;
mod place;
mod pod;
mod scalar;
mod spot;
mod tree;

use change::Change;
pub(super) use environment::variable;
use lines::Lines;
use tree::Node;

use crate::model::{EditedManifest, ManifestEdit, Unfit};

/// Longest manifest that is edited; real ones are a few KiB.
const LONGEST: usize = 1 << 20;

/// The manifest with these changes; without a difference when it already is
/// that way.
///
/// # Errors
/// What it is in this manifest that we do not edit.
pub fn edit_manifest(text: &str, edits: &[ManifestEdit]) -> Result<EditedManifest, Unfit> {
    if text.len() > LONGEST {
        return Err(unfit("the manifest is longer than 1 MiB"));
    }
    let mut lines = Lines::read(text)?;
    pod::check_text(text, &lines)?;
    let mut tree = pod::only_document(text)?;
    let mut notes = Vec::new();
    for edit in edits {
        let Some(change) = change(&lines, &tree, edit, &mut notes)? else { continue };
        tree = changed(&mut lines, tree, &change)?;
    }
    Ok(EditedManifest { text: lines.text(), lines: lines.difference(), notes })
}

/// A manifest's bytes as text.
///
/// # Errors
/// The line that is not UTF-8.
pub fn manifest_text(bytes: &[u8]) -> Result<&str, Unfit> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let number = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        unfit(&format!("line {number} of the manifest is not UTF-8 text"))
    })
}

/// What has to be done for an edit; `None` when nothing has to.
fn change(
    lines: &Lines,
    tree: &Node,
    edit: &ManifestEdit,
    notes: &mut Vec<String>,
) -> Result<Option<Change>, Unfit> {
    let pod = pod::Pod::find(lines, tree)?;
    match edit {
        ManifestEdit::Flag { name, value } => flag::change(lines, &pod, name, value, notes),
        ManifestEdit::ProbePath { kind, path } => place::probe(lines, &pod, *kind, path),
        ManifestEdit::HostPath { from, to } => {
            // A script's command line says nothing of it, and its volume can be moved.
            if let Ok(line) = command::CommandLine::read(lines, &pod) {
                let why = "and who writes that file may write this manifest anew as well, with \
                           the old volume: etcd would start on old data";
                flag::no_config_file(&pod, &line, why)?;
            }
            place::host_path(lines, &pod, from, to)
        }
        ManifestEdit::HostPathHasToExist { path } => place::has_to_exist(lines, &pod, path),
    }
}

/// Makes the change and proves that it is the only one.
fn changed(lines: &mut Lines, mut tree: Node, change: &Change) -> Result<Node, Unfit> {
    change.make(lines, &mut tree);
    let new = pod::only_document(&lines.text());
    new.ok()
        .filter(|new| *new == tree)
        .ok_or_else(|| unfit("our own edit would have changed more in the manifest than it should"))
}

/// A refusal; every one ends with what became of the manifest.
fn unfit(why: &str) -> Unfit {
    Unfit { why: format!("{why}; nothing was changed") }
}

#[cfg(test)]
mod tests;
