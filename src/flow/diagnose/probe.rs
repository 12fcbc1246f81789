//! The probe's part: what it does to this disk is said before it is done.

use std::time::Duration;

use crate::{
    act::fsync_probe::{self, LONGEST, MOST, PER_SECOND, WRITE},
    consent::Answer,
    flow::session::Session,
    model::{
        Bytes, Located, World,
        diagnosis::{Examined, PlaceRole, ProbeRefusal, ProbeRun},
    },
    say::{Progress, ticking},
};

/// Beyond its own end: a disk may take its time for the last sync.
const PATIENCE: Duration = Duration::from_secs(25);

/// Measures, once the person at the terminal agrees; without a terminal the
/// flag is the word.
pub async fn probe(
    session: &Session,
    node: &Located,
    examined: &Examined,
) -> Option<Result<ProbeRun, ProbeRefusal>> {
    let refused = |why: &str| Some(Err(ProbeRefusal { why: why.to_owned() }));
    let (role, directory) = match (&node.wal_dir, &node.data_dir) {
        (Some(wal), _) => (PlaceRole::WalDir, &wal.value),
        (None, Some(data)) => (PlaceRole::DataDir, &data.value),
        (None, None) => return refused("no data directory of etcd is known on this node"),
    };
    if node.hanging.contains(directory) {
        let path = directory.display();
        return refused(&format!("{path} does not answer, and a load on top helps nobody"));
    }
    let voice = &session.voice;
    if !session.settings.yes && voice.can_ask() {
        let size = Bytes((MOST * WRITE) as u64);
        voice.heading("The probe");
        voice.say(&format!(
            "It writes up to {MOST} times {WRITE} bytes ({size}) into an unnamed file in {} and \
             waits for the disk after each: {PER_SECOND} a second at most, {} s at most, behind \
             everybody else's I/O. It leaves nothing behind.",
            directory.display(),
            LONGEST.as_secs()
        ));
        for risk in risks(examined.world.as_ref()) {
            voice.warn(&risk);
        }
        match voice.ask_yes_no("Put this load on the disk?", None, None).await {
            Answer::Yes | Answer::Remaining => {}
            Answer::No | Answer::Eof => return refused("the answer was no"),
        }
    }
    let progress = Progress::time(voice, "Probing", Some(LONGEST));
    let work = fsync_probe::probe(directory, role, PATIENCE);
    Some(ticking(work, || progress.tick(&directory.display().to_string())).await)
}

/// What a load can do to this cluster.
fn risks(world: Option<&World>) -> Vec<String> {
    let Some(world) = world else {
        return vec![
            "Nobody answers: whether others could stand in for this member is not known."
                .to_owned(),
        ];
    };
    let mut risks = Vec::new();
    let here = world.members.iter().find(|member| member.local);
    if let Some(leader) = here.filter(|member| member.is_leader()) {
        risks.push(format!(
            "{} leads: should the load make it miss its heartbeats, another one is elected, and \
             writes stop for a second or two.",
            leader.label()
        ));
    }
    let serving = world.voters().filter(|member| member.status.is_ok()).count();
    if here.is_some_and(|member| !member.learner) && serving <= world.quorum() {
        risks.push(format!(
            "{serving} of {} voters answer, and {} are needed: without this one etcd accepts no \
             write.",
            world.voters().count(),
            world.quorum()
        ));
    }
    risks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::human::testing::world;

    #[test]
    fn the_leader_and_the_last_needed_voter_are_named() {
        let mut world = world();
        assert_eq!(risks(Some(&world)).len(), 1, "master-1 leads");
        world.members[1].status = Err("connection refused".into());
        let risks = risks(Some(&world));
        assert_eq!(risks.len(), 2);
        assert!(risks[1].starts_with("2 of 3 voters answer, and 2 are needed"), "{}", risks[1]);
    }
}
