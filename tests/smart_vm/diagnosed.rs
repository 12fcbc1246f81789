//! The program under test in a guest: what it says of a disk, as a person and
//! as a script gets it.

use serde_json::Value;

use crate::{
    disks::Disk,
    guest::{Answer, Guest},
};

/// `diagnose` promises to end within this.
const BOUND: u64 = 60;

/// One `diagnose` of a data directory on a disk.
pub struct Diagnosed {
    pub code: i32,
    pub document: Value,
}

impl Diagnosed {
    /// As root.
    #[track_caller]
    pub fn of(guest: &mut Guest, disk: &Disk) -> Self {
        Self::with(guest, disk, "", "--window 1s")
    }

    /// Started by other words (`setpriv …`), or with other flags.
    #[track_caller]
    pub fn with(guest: &mut Guest, disk: &Disk, starter: &str, flags: &str) -> Self {
        let answer = run(guest, disk, starter, &format!("{flags} -w json")).ends(&[0, 8]);
        let document = answer.json();
        assert_eq!(document["exit_code"], answer.code, "{document:#}");
        Self { code: answer.code, document }
    }

    /// The findings with this code.
    pub fn findings(&self, code: &str) -> Vec<&Value> {
        let findings = self.document["findings"].as_array().expect("a list");
        findings.iter().filter(|finding| finding["code"] == code).collect()
    }

    /// What the firmware of the one disk below said.
    #[track_caller]
    pub fn drive(&self) -> &Value {
        let drives = self.document["drives"].as_array().expect("a list");
        let [drive] = &drives[..] else { panic!("{:#}", self.document) };
        &drive["answer"]
    }

    /// What stays unknown, in one text.
    pub fn unknown(&self) -> String {
        self.document["verdict"]["unknown"].to_string()
    }
}

/// The page that a person reads.
#[track_caller]
pub fn page(guest: &mut Guest, disk: &Disk) -> String {
    let page = run(guest, disk, "", "--window 1s").ends(&[0, 8]).stdout;
    // For whoever reads along (`--nocapture`).
    eprintln!("{page}");
    page
}

fn run(guest: &mut Guest, disk: &Disk, starter: &str, flags: &str) -> Answer {
    let place = disk.place();
    let command = format!("{starter} /bin/etcd-rescue diagnose --data-dir {place} {flags}");
    let answer = guest.run(&command);
    assert!(answer.took.as_secs() < BOUND, "{answer:#?}");
    answer
}
