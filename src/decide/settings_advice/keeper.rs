//! Whose file etcd's settings are in on this node: the row of its installation, as
//! far as what was found there agrees.

use crate::model::{
    Located, Manifest,
    layout::{self, Keeps},
};

/// Where the settings of this node's etcd are kept.
pub(in crate::decide) fn keeps(node: &Located) -> Keeps {
    let row = node.layout();
    match (row.keeps, &node.manifest) {
        // A static pod that somebody wrote.
        (_, Some(_)) if row == layout::plain() => Keeps::Manifest,
        (Keeps::Manifest, None) => layout::plain().keeps,
        (keeps, _) => keeps,
    }
}

/// The manifest that somebody else than a known installation wrote.
pub(super) fn foreign(node: &Located) -> Option<&Manifest> {
    node.manifest.as_ref().filter(|_| node.layout() == layout::plain())
}
