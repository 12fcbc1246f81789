//! The flags of `relocate`: where this member's data go.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::quoted;

/// Where this member's data go.
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("direction").required(true).args(["to", "undo", "remove_old"])))]
pub struct Relocate {
    /// The empty directory on the other disk that becomes the data directory
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Take back a relocation that was broken off: the old data, the old manifest
    #[arg(long)]
    pub undo: bool,
    /// Remove the old data of a relocation that is done and runs well
    #[arg(long)]
    pub remove_old: bool,
    /// The member's name, which would have to be typed
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Go back when etcd does not run well on the other disk after this time
    #[arg(long, value_name = "TIME", default_value = "3m")]
    pub rollback_after: String,
}

impl Relocate {
    /// As one would type it again, without the typed word.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = "relocate".to_owned();
        if let Some(to) = &self.to {
            words.push_str(&format!(" --to {}", quoted(&to.to_string_lossy())));
        }
        for (flag, given) in [("--undo", self.undo), ("--remove-old", self.remove_old)] {
            if given {
                words.push_str(&format!(" {flag}"));
            }
        }
        if self.rollback_after != "3m" {
            words.push_str(&format!(" --rollback-after {}", quoted(&self.rollback_after)));
        }
        words
    }
}
