//! The flags of `purge`: which keys go, and the typed word for scripts.

use clap::{Args, Subcommand};

use super::quoted;

/// Which keys are deleted.
#[derive(Clone, Debug, Args)]
pub struct Purge {
    /// What goes.
    #[command(subcommand)]
    pub what: PurgeWhat,
}

/// What goes.
#[derive(Clone, Debug, Subcommand)]
pub enum PurgeWhat {
    /// Kubernetes events: messages that Kubernetes itself drops after an hour
    Events {
        /// Only those of this namespace (repeatable; default: all)
        #[arg(long, value_name = "NAME")]
        namespace: Vec<String>,
        /// How it is done.
        #[command(flatten)]
        how: PurgeHow,
    },
    /// Every key below a prefix, for experts; some prefixes are never deleted
    Prefix {
        /// The prefix, with its last slash: /registry/wgpolicyk8s.io/policyreports/
        prefix: String,
        /// How it is done.
        #[command(flatten)]
        how: PurgeHow,
    },
}

/// How it is done.
#[derive(Clone, Debug, Args)]
pub struct PurgeHow {
    /// The word that would have to be typed: `events`, or the prefix itself
    #[arg(long, value_name = "WORD")]
    pub confirm: Option<String>,
    /// Go on at once with `recover`: compact, defragment, disarm, verify
    #[arg(long)]
    pub recover: bool,
}

impl Purge {
    /// As one would type it again, without the typed word.
    #[must_use]
    pub fn words(&self) -> String {
        let (mut words, how) = match &self.what {
            PurgeWhat::Events { namespace, how } => {
                let names = namespace.iter().map(|name| format!(" --namespace {}", quoted(name)));
                (format!("purge events{}", names.collect::<String>()), how)
            }
            PurgeWhat::Prefix { prefix, how } => (format!("purge prefix {}", quoted(prefix)), how),
        };
        if how.recover {
            words.push_str(" --recover");
        }
        words
    }
}
