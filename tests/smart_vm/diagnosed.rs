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
        Self::with(guest, disk, "")
    }

    /// Started by other words (`setpriv …`).
    #[track_caller]
    pub fn with(guest: &mut Guest, disk: &Disk, starter: &str) -> Self {
        let answer = run(guest, disk, starter, "-w json").ends(&[0, 8]);
        let document = answer.json();
        assert_eq!(document["exit_code"], answer.code, "{document:#}");
        Self { code: answer.code, document }
    }

    /// The findings with this code.
    pub fn findings(&self, code: &str) -> Vec<&Value> {
        let findings = self.document["findings"].as_array().expect("a list");
        findings.iter().filter(|finding| finding["code"] == code).collect()
    }

    /// What stays unknown, in one text.
    pub fn unknown(&self) -> String {
        self.document["verdict"]["unknown"].to_string()
    }
}

/// The page that a person reads.
#[track_caller]
pub fn page(guest: &mut Guest, disk: &Disk) -> String {
    run(guest, disk, "", "").ends(&[0, 8]).stdout
}

fn run(guest: &mut Guest, disk: &Disk, starter: &str, flags: &str) -> Answer {
    let place = disk.place();
    let command =
        format!("{starter} /bin/etcd-rescue diagnose --window 1s --data-dir {place} {flags}");
    let answer = guest.run(&command);
    assert!(answer.took.as_secs() < BOUND, "{answer:#?}");
    answer
}

/// The firmware's answer, as the child that asks the drive gives it.
pub fn firmware(guest: &mut Guest, disk: &Disk, starter: &str) -> Value {
    let below = aside(guest, "", &format!("disks 100 0 {} ''", disk.place()));
    let leaves = below["leaves"].as_array().expect("a list");
    let [leaf] = &leaves[..] else { panic!("{below:#}") };
    assert_eq!(leaf["name"], disk.kernel_name());
    aside(guest, starter, &format!("drive '{leaf}'"))
}

/// Such a child answers on a socket.
fn aside(guest: &mut Guest, starter: &str, words: &str) -> Value {
    let listen = format!("nc -l -p 9 -e {starter} /bin/etcd-rescue __look-aside {words}");
    let connect = "until nc 127.0.0.1 9 </dev/null; do sleep 0.1; done";
    guest.run(&format!("ip link set lo up; {listen} 2>/dev/null & {connect} 2>/dev/null")).json()
}
