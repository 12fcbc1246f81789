//! Finding etcd's container in a manifest, and refusing the manifests that are
//! not what we know.

use super::{
    lines::Lines,
    spot::Spot,
    tree::{self, Body, Node},
    unfit,
};
use crate::model::Unfit;

/// The pod's specification and its one container.
pub(super) struct Pod<'a> {
    /// `spec`.
    pub(super) spec: Spot<'a>,
    /// The item of `spec.containers`.
    pub(super) container: Spot<'a>,
}

/// Refuses what is recognised without parsing.
///
/// # Errors
/// JSON, templates, tabs as indentation.
pub(super) fn check_text(text: &str, lines: &Lines) -> Result<(), Unfit> {
    if text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) {
        return Err(unfit("the manifest is written as JSON; only YAML is edited"));
    }
    for (index, line) in lines.iter().enumerate() {
        let number = index + 1;
        if without_comment(line).contains("{{") {
            return Err(unfit(&format!(
                "line {number} has `{{{{`: this is a template that something else fills in"
            )));
        }
        let body = line.trim_start_matches(' ');
        if body.starts_with('\t') && !body.trim().is_empty() && !body.trim().starts_with('#') {
            return Err(unfit(&format!("line {number} is indented with a tab")));
        }
    }
    Ok(())
}

/// The line up to its comment, as far as that is plain to see.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    let plain = !line.contains(['"', '\'']);
    line.split_once(" #").filter(|_| plain).map_or(line, |(code, _)| code)
}

/// The tree of a text with one document.
///
/// # Errors
/// When it is no YAML, or has none or several documents.
pub(super) fn only_document(text: &str) -> Result<Node, Unfit> {
    let mut documents = tree::documents(text).map_err(|why| unfit(&format!("it is {why}")))?;
    match documents.len() {
        1 => documents.pop().ok_or_else(|| unfit("the manifest is empty")),
        0 => Err(unfit("the manifest is empty")),
        count => Err(unfit(&format!("the file holds {count} documents; only one pod is edited"))),
    }
}

impl<'a> Pod<'a> {
    /// Finds the container.
    ///
    /// # Errors
    /// When this is not a pod with one container named etcd.
    pub(super) fn find(lines: &Lines, tree: &'a Node) -> Result<Self, Unfit> {
        let root = Spot::root(tree);
        let kind = root.word("kind")?.unwrap_or_default();
        if kind != "Pod" {
            let kind = if kind.is_empty() { "unset" } else { kind };
            return Err(unfit(&format!("its kind is {kind} and not Pod")));
        }
        let spec = root.key("spec")?.ok_or_else(|| unfit("the pod has no `spec`"))?;
        for spot in [&root, &spec] {
            no_merge(spot)?;
        }
        let containers = spec.key("containers")?;
        let containers = containers.ok_or_else(|| unfit("the pod has no `containers`"))?;
        let items = containers.dashed_items(lines, "containers")?;
        let container = match &items[..] {
            [container] => container.clone(),
            items => return Err(several(items)),
        };
        let name = container.word("name")?.unwrap_or("without a name");
        if name != "etcd" {
            return Err(unfit(&format!("its container is not named etcd but {name}")));
        }
        if let Some(node) = container.node.borrowed() {
            return Err(unfit(&format!(
                "line {} uses a YAML anchor, alias, tag or merge key, which could change more \
                 than one place",
                node.place.line + 1
            )));
        }
        Ok(Self { spec, container })
    }
}

fn no_merge(spot: &Spot<'_>) -> Result<(), Unfit> {
    let Body::Map(pairs) = &spot.node.body else {
        return Err(unfit(&format!("line {} is no mapping", spot.number())));
    };
    match pairs.iter().find(|(key, _)| key.is_plain("<<")) {
        Some((key, _)) => Err(unfit(&format!("line {} is a merge key", key.place.line + 1))),
        None => Ok(()),
    }
}

fn several(items: &[Spot<'_>]) -> Unfit {
    let names: Vec<&str> =
        items.iter().map(|item| item.word("name").ok().flatten().unwrap_or("?")).collect();
    unfit(&format!(
        "the pod has {} containers ({}); only a pod that is etcd alone is edited",
        items.len(),
        names.join(", ")
    ))
}
