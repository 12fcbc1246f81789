//! Where an installation keeps etcd's flags, and how a changed one is written
//! there. Data and plain text; nothing is written here.

use crate::model::Obstacle;

/// Where flags are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// In a static-pod manifest that nobody writes anew: it is edited.
    Manifest,
    /// In a file of its own, by hand.
    Lines(Lines),
    /// With somebody who takes no flags from a node.
    Owner(Owner),
}

/// Lines a person writes somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// Why no manifest is edited.
    pub obstacle: &'static str,
    /// Where, one sentence with a colon.
    pub head: &'static str,
    /// Lines that go before.
    pub before: &'static [&'static str],
    /// How a flag is written.
    pub written: Written,
    /// What makes it count; may be empty.
    pub tail: &'static str,
    /// The same for one flag within a sentence.
    pub place: &'static str,
}

/// Somebody who has the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Why no manifest is edited.
    pub obstacle: &'static str,
    /// How a person gets a setting changed.
    pub way: &'static str,
    /// What keeps NOSPACE from coming back.
    pub prevention: &'static str,
    /// About a higher quota.
    pub quota: &'static str,
}

/// How a flag is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// `- flag=value`, a YAML list item.
    Item,
    /// `--flag=value`, a word of a command line.
    Flag,
    /// `flag: "value"`, a YAML entry, behind so many blanks.
    Entry(&'static str),
    /// `ETCD_FLAG=value`, an environment variable.
    Variable,
    /// `- name: ETCD_FLAG` and `value: "value"`, behind so many blanks.
    Named(&'static str),
}

impl Written {
    /// The flag as it stands in a line of its own.
    #[must_use]
    pub fn line(self, flag: &str, value: &str) -> String {
        match self {
            Self::Item => format!("- {flag}={value}"),
            Self::Flag => format!("--{flag}={value}"),
            Self::Entry(blanks) => format!("{blanks}{flag}: \"{value}\""),
            Self::Variable => format!("{}={value}", variable(flag)),
            Self::Named(blanks) => {
                format!("{blanks}- {{name: {}, value: \"{value}\"}}", variable(flag))
            }
        }
    }
}

/// etcd's environment variable for a flag (etcd pkg/flags).
fn variable(flag: &str) -> String {
    format!("ETCD_{}", flag.to_ascii_uppercase().replace('-', "_"))
}

impl Keeps {
    /// How to set flags there, line by line; those to write are indented. Nothing for a
    /// manifest.
    #[must_use]
    pub fn way(&self, flags: &[(String, String)]) -> Vec<String> {
        match self {
            Self::Manifest => Vec::new(),
            Self::Owner(owner) => vec![owner.way.to_owned()],
            Self::Lines(lines) => {
                let mut way = vec![lines.head.to_owned()];
                way.extend(lines.before.iter().map(|line| format!("    {line}")));
                for (flag, value) in flags {
                    way.push(format!("    {}", lines.written.line(flag, value)));
                }
                if !lines.tail.is_empty() {
                    way.push(lines.tail.to_owned());
                }
                way
            }
        }
    }

    /// Why there is no manifest to edit, and the right way; `None` for one that is.
    #[must_use]
    pub fn obstacle(&self, flags: &[(String, String)]) -> Option<Obstacle> {
        let what = match self {
            Self::Manifest => return None,
            Self::Owner(owner) => owner.obstacle,
            Self::Lines(lines) => lines.obstacle,
        };
        Some(Obstacle { what: what.to_owned(), next: self.way(flags).join("\n") })
    }
}
