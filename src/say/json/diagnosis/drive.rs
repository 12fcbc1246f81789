//! Drives in a diagnosis.

use serde::Serialize;

use crate::model::diagnosis::{self, Account, AtaHealth, DriveFacts, NvmeHealth, ScsiHealth};

/// A drive: what it answered, and what that means.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DriveHealthAnswer {
    disk: String,
    answer: DriveAnswer,
    /// null when it did not answer for itself.
    facts: Option<DriveFacts>,
}

impl DriveHealthAnswer {
    /// Every drive that was asked.
    pub fn all(account: &Account) -> Vec<Self> {
        let facts = |disk: &str| account.facts.iter().find(|facts| facts.disk == disk).cloned();
        let drives = account.examined.drives.iter().map(|health| Self {
            disk: health.disk.clone(),
            answer: (&health.answer).into(),
            facts: facts(&health.disk),
        });
        drives.collect()
    }
}

/// The firmware's answer: `kind` says which it is, the rest stands beside it.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum DriveAnswer {
    Ata(Box<AtaHealth>),
    Nvme(Box<NvmeHealth>),
    Scsi(Box<ScsiHealth>),
    Hidden { by: String, look: Vec<String> },
    Emulated { by: String, said: Option<Box<Self>> },
    Unreadable { why: String, missing: Option<String> },
    Silent { after_ms: u64 },
}

impl From<&diagnosis::DriveAnswer> for DriveAnswer {
    fn from(answer: &diagnosis::DriveAnswer) -> Self {
        use diagnosis::DriveAnswer as Said;
        match answer.clone() {
            Said::Ata(health) => Self::Ata(health),
            Said::Nvme(health) => Self::Nvme(health),
            Said::Scsi(health) => Self::Scsi(health),
            Said::Hidden { by, look } => Self::Hidden { by, look },
            Said::Emulated { by, said } => {
                Self::Emulated { by, said: said.map(|said| Box::new(Self::from(&*said))) }
            }
            Said::Unreadable { why, missing } => Self::Unreadable { why, missing },
            Said::Silent { after_ms } => Self::Silent { after_ms },
        }
    }
}
