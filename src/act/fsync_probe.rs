//! A small fdatasync load of our own on the WAL's filesystem, outside etcd's
//! files, that leaves nothing behind; done by a child, as the disk may hang.
//!
//! It writes as etcd and as the fio line of etcd's documentation do: 2300
//! bytes into preallocated room, and an fdatasync after each. That line wants
//! 10,000 of them, which would be an hour of load on a dying disk: here it
//! ends early.

mod load;
mod place;

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

use crate::{
    model::{
        Bytes,
        diagnosis::{PlaceRole, ProbeRefusal, ProbeRun},
    },
    sys::{
        aside::{Missed, have_done},
        ioprio,
    },
};

pub use load::{LONGEST, MOST, PER_SECOND, WRITE};

/// How the parent tells the child which of etcd's directories it is.
const WAL: &str = "wal";
/// A quick one, in a data directory or what is to become one.
const QUICK: &str = "quick";
/// Room that a quick one wants: it writes 230 kB.
const QUICK_ROOM: Bytes = Bytes(64 << 20);

/// Measures in `directory` (etcd's data directory, or its `--wal-dir`). The
/// child ends by itself after `LONGEST` unless the disk hangs; `patience` is
/// for that.
///
/// # Errors
/// Why nothing was measured; also when the disk does not answer.
pub async fn probe(
    directory: &Path,
    role: PlaceRole,
    patience: Duration,
) -> Result<ProbeRun, ProbeRefusal> {
    let role = if role == PlaceRole::WalDir { WAL } else { "data" };
    ask(role, directory, patience).await
}

/// A hundred syncs, to compare two disks by.
///
/// # Errors
/// As `probe`.
pub async fn quick_probe(directory: &Path, patience: Duration) -> Result<ProbeRun, ProbeRefusal> {
    ask(QUICK, directory, patience).await
}

async fn ask(role: &str, directory: &Path, patience: Duration) -> Result<ProbeRun, ProbeRefusal> {
    let words: [&OsStr; 3] = ["probe".as_ref(), role.as_ref(), directory.as_os_str()];
    let asked = have_done::<Result<ProbeRun, ProbeRefusal>>(&words, patience).await;
    asked.unwrap_or_else(|missed| Err(ProbeRefusal { why: no_answer(&missed) }))
}

fn no_answer(missed: &Missed) -> String {
    match missed {
        Missed::Late(after) => format!(
            "the probe did not come back within {} s: a single write or fdatasync takes longer \
             than that",
            after.as_secs()
        ),
        Missed::Failed(why) => format!("the probe could not be run: {why}"),
    }
}

/// The child's side.
///
/// # Errors
/// Why it is not done here.
pub fn run(words: &[OsString]) -> Result<ProbeRun, ProbeRefusal> {
    let refused = |why: String| ProbeRefusal { why };
    let [role, directory] = words else { return Err(refused("no directory was named".into())) };
    let directory = Path::new(directory);
    let (limits, least) = match role == QUICK {
        true => (load::Limits::QUICK, Some(QUICK_ROOM)),
        false => (load::Limits::USUAL, None),
    };
    let role = if role == WAL { PlaceRole::WalDir } else { PlaceRole::DataDir };
    place::fit(directory, role, least).map_err(refused)?;
    let file = place::unnamed_file(directory)
        .map_err(|error| refused(format!("no file in {}: {error}", directory.display())))?;
    // Without it the load is as small; only the order of waiting differs.
    let _best_effort = ioprio::step_back();
    Ok(ProbeRun { directory: directory.to_owned(), ..load::measure(&file, &limits) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_disk_is_told_as_what_it_is() {
        let why = no_answer(&Missed::Late(Duration::from_secs(25)));
        assert!(why.contains("within 25 s"), "{why}");
        assert!(no_answer(&Missed::Failed("it died".into())).contains("it died"));
    }

    #[test]
    fn words_that_name_nothing_are_refused() {
        assert!(run(&[]).is_err());
        assert!(run(&["data".into(), "/nowhere/at/all".into()]).is_err());
    }
}
