//! Everything `diagnose` saw, before anything is made of it.

use std::path::PathBuf;

use super::{
    DiskBelow, DriveHealth, KernelEvents, LogStory, MemberView, ProbeRefusal, ProbeRun, Symptom,
};
use crate::model::{RestartStory, World};

/// A part that could not be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// What ("the kernel log", "the firmware of sda").
    pub what: String,
    /// Why, in a sentence.
    pub why: String,
    /// What would show it: a capability, a command; may be empty.
    pub needs: String,
}

/// One examination. A part that was not looked at is `None` or empty and
/// stands in `unseen`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examined {
    /// Wall clock at the end, nanoseconds since the epoch.
    pub at: i64,
    /// No etcd was found on this node and none was named: only a directory was
    /// asked for.
    pub nobody_to_ask: bool,
    /// Members are there, but would not let us ask: certificates or rights are
    /// missing. Their silence is ours.
    pub not_admitted: bool,
    /// Directories of this node that did not answer: the disk below may hang.
    pub hanging: Vec<PathBuf>,
    /// What keeps this node's etcd from starting or taking part, and the way out.
    pub no_start: Option<(RestartStory, String)>,
    /// Members by Status; `None` when nobody answers.
    pub world: Option<World>,
    /// Members by latency and metrics.
    pub views: Vec<MemberView>,
    /// etcd's log on this node.
    pub log: Option<LogStory>,
    /// What etcd's clients on this node suffer.
    pub symptoms: Vec<Symptom>,
    /// Disks of this node.
    pub below: Option<DiskBelow>,
    /// Firmware of those disks.
    pub drives: Vec<DriveHealth>,
    /// The kernel log of this node.
    pub kernel: Option<KernelEvents>,
    /// Our own load, when it was asked for.
    pub probe: Option<Result<ProbeRun, ProbeRefusal>>,
    /// What could not be seen.
    pub unseen: Vec<Unseen>,
}

impl Unseen {
    /// One or two sentences: what was not seen, why, and what would show it.
    #[must_use]
    pub fn told(&self) -> String {
        let Self { what, why, needs } = self;
        let told = format!("{what} could not be seen: {why}");
        let mut letters = needs.chars();
        match (letters.next(), letters.next()) {
            (None, _) => told,
            // A sentence of its own, such as a failure's next step; no
            // capability, whose name is in capitals.
            (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
                format!("{}. {needs}", told.trim_end_matches('.'))
            }
            _ => format!("{told}; needs {needs}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Unseen;

    #[test]
    fn what_would_show_it_is_a_sentence_or_a_capability() {
        let told = |needs: &str| {
            let (what, why) = ("the ring".to_owned(), "it is closed".to_owned());
            Unseen { what, why, needs: needs.to_owned() }.told()
        };
        assert_eq!(told(""), "the ring could not be seen: it is closed");
        assert!(told("CAP_SYSLOG or root").ends_with("closed; needs CAP_SYSLOG or root"));
        assert!(told("Give a key.").ends_with("closed. Give a key."));
    }
}
