//! What etcd's own tools say when a contender is done, outside of the measured time:
//! alarms, writes, sizes, and whether its snapshot can be restored.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use lab::{Lab, Master};

use crate::{
    clock,
    content::{self, Content},
    tools::Tools,
};

/// Where the restored etcd listens, in the network of a master.
const CLIENT: &str = "http://127.0.0.1:12379";
const PEER: &str = "http://127.0.0.1:12380";
const PATIENCE: Duration = Duration::from_secs(300);

fn said(output: Output) -> Result<String> {
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", complaint.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The alarms that are on, separated by commas; empty when there is none.
pub fn alarms(lab: &Lab) -> Result<String> {
    let text = said(lab.etcdctl(&["alarm", "list"])?).context("alarm list")?;
    Ok(text.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", "))
}

/// Whether every member takes a write.
pub fn all_write(lab: &Lab) -> bool {
    let key = format!("{}judge", crate::prober::PREFIX);
    let takes = |master: &Master| {
        master.etcdctl(&["put", &key, "judge"]).is_ok_and(|out| out.status.success())
    };
    lab.masters().iter().all(takes)
}

/// The size of each member's database in bytes.
pub fn sizes(lab: &Lab) -> Result<Vec<u64>> {
    let statuses = lab.statuses()?;
    let of = |master: &Master| {
        let status = statuses.iter().find(|(name, _)| name == master.name());
        status.and_then(|(_, status)| status["dbSize"].as_u64())
    };
    lab.masters()
        .iter()
        .map(|master| of(master).with_context(|| format!("{} tells no size", master.name())))
        .collect()
}

/// What a member comes to when nothing is left to compact, and how long its
/// defragmentation then takes.
pub struct Live {
    pub bytes: Vec<u64>,
    pub defrag_ms: Vec<f64>,
}

/// Compacts physically on each member, which waits until that member is done with
/// everything compacted before, and defragments it.
pub fn live(lab: &Lab) -> Result<Live> {
    let statuses = lab.statuses()?;
    let revisions = statuses.iter().filter_map(|(_, status)| status["header"]["revision"].as_i64());
    let revision = revisions.max().context("no member tells its revision")?.to_string();
    let mut defrag_ms = Vec::new();
    for master in lab.masters() {
        let compact = ["compact", "--physical", "--command-timeout=30m", &revision];
        let out = master.etcdctl(&compact)?;
        let complaint = String::from_utf8_lossy(&out.stderr);
        // The second member to be asked has settled before it says this.
        let known = complaint.contains("has been compacted");
        ensure!(out.status.success() || known, "compact: {}", complaint.trim());
        let began = clock::now();
        said(master.etcdctl(&["defrag", "--command-timeout=30m"])?).context("defrag")?;
        defrag_ms.push(clock::ms(clock::now() - began));
    }
    Ok(Live { bytes: sizes(lab)?, defrag_ms })
}

/// Restores a snapshot with etcdutl, starts an etcd on it, and compares. What is
/// wrong with it is in the text; empty when nothing is.
pub fn snapshot(lab: &Lab, tools: &Tools, scratch: &Path, file: &Path, held: &Content) -> String {
    let Some(etcdutl) = &tools.etcdutl else { return "no etcdutl here to judge it".to_owned() };
    let dir = scratch.join("restored");
    let compared = restore(etcdutl, file, &dir).and_then(|()| {
        let restored = serve(&lab.masters()[0], tools, &dir)?;
        ensure!(restored == *held, "{} keys restored, not the {} held", restored.keys, held.keys);
        Ok(())
    });
    // Half a gigabyte that nobody needs any more.
    let _ = fs::remove_dir_all(&dir);
    compared.err().map_or_else(String::new, |error| format!("{error:#}"))
}

fn restore(etcdutl: &Path, file: &Path, dir: &Path) -> Result<()> {
    let mut status = Command::new(etcdutl);
    status.args(["snapshot", "status", "-w", "json"]).arg(file);
    said(status.output()?).context("snapshot status")?;
    let mut restore = Command::new(etcdutl);
    restore.args(["snapshot", "restore"]).arg(file).arg("--data-dir").arg(dir);
    said(restore.output()?).context("snapshot restore")?;
    Ok(())
}

fn serve(master: &Master, tools: &Tools, dir: &Path) -> Result<Content> {
    let pid = master.init_pid().context("no power")?;
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/proc/{pid}/ns/net"));
    // It is a process of the machine and would outlive a benchmark that is killed.
    command.args(["setpriv", "--pdeathsig", "KILL"]).arg(&tools.etcd.etcd);
    command.arg("--data-dir").arg(dir).args(["--quota-backend-bytes", "17179869184"]);
    command.args(["--listen-client-urls", CLIENT, "--advertise-client-urls", CLIENT]);
    command.args(["--listen-peer-urls", PEER]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut etcd = Ended(command.spawn().context("starting the restored etcd")?);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match content::of_plain(master, CLIENT) {
            Ok(content) => return Ok(content),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
        if let Some(status) = etcd.0.try_wait()? {
            bail!("etcd does not run on what was restored: {status}");
        }
    }
}

/// A process that ends with its owner.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself, which was noticed then.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
