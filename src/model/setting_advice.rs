//! What is configured on a node and what should be, as data.

use super::{ManifestEdit, Obstacle};

/// One setting of etcd, or one probe of its pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingAdvice {
    /// The flag without dashes as this release calls it, or "liveness probe".
    pub name: String,
    /// Its value; `None` when that cannot be told. Quotas are in bytes.
    pub now: Option<String>,
    /// Where the value comes from, for people: a manifest, a variable, a
    /// process, or etcd's default.
    pub source: String,
    /// What it should be; `None` = fine as it is.
    pub wanted: Option<String>,
    /// Why, in one sentence; empty when there is nothing to say.
    pub why: String,
    /// The change to the manifest; `None` when it was not asked for, or this
    /// manifest is not ours to edit.
    pub edit: Option<ManifestEdit>,
}

/// All of them, and what is to be said about changing them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsAdvice {
    /// Every setting that is looked at, in the order they are shown.
    pub settings: Vec<SettingAdvice>,
    /// Why it is not done; empty = it may be.
    pub refusals: Vec<Obstacle>,
    /// What to know before it is done.
    pub cautions: Vec<String>,
    /// How to keep the wanted settings over an upgrade, line by line, those
    /// that are set already too; what is to be pasted is indented by four or
    /// more.
    pub lasting: Vec<String>,
}

impl SettingsAdvice {
    /// The changes to the manifest, in order.
    #[must_use]
    pub fn edits(&self) -> Vec<ManifestEdit> {
        self.settings.iter().filter_map(|setting| setting.edit.clone()).collect()
    }
}
