//! After a manifest was changed: waits until the kubelet runs etcd by it, and
//! until that member serves and has caught up; ends early when the new etcd
//! cannot start, or the kubelet takes no notice. Changes nothing: whoever
//! called decides whether to go back.

mod watch;

use std::{path::PathBuf, time::Duration};

use crate::{
    model::World,
    say::{Progress, human},
};

use self::watch::Watch;
pub(super) use self::watch::same_words;
use super::{
    defragment::serves,
    look::{Here, look},
    record::millis,
    session::Session,
};

/// Between two looks.
const PACE: Duration = Duration::from_millis(500);

/// What the new etcd is known by.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// Whose etcd it is, by name.
    pub member: String,
    /// The command line, as the manifest in its place has it; empty = any.
    pub args: Vec<String>,
    /// Host directories that have to be mounted.
    pub mounts: Vec<PathBuf>,
    /// Containers that are not it: the one from before, the ones that failed.
    pub not: Vec<String>,
    /// How long everything may take.
    pub patience: Duration,
}

/// How the waiting ended.
#[derive(Debug)]
pub(super) enum Replaced {
    /// It runs, serves and has caught up.
    Runs {
        /// The container's id.
        container: String,
        /// How long it took.
        elapsed_ms: u64,
        /// The cluster as it was seen last.
        world: Box<World>,
    },
    /// It does not.
    Failed(NotRunning),
}

/// Why the new etcd does not do.
#[derive(Clone, Debug)]
pub(super) struct NotRunning {
    /// One sentence, without a full stop.
    pub why: String,
    /// The last lines of its log.
    pub log: Vec<String>,
    /// Every container that was started meanwhile.
    pub seen: Vec<String>,
}

/// Waits for it.
pub(super) async fn wait(
    session: &Session,
    here: &Here,
    expected: &Expected,
    label: &str,
) -> Replaced {
    let progress = Progress::time(&session.voice, label, Some(expected.patience));
    let mut watch = Watch::new(expected);
    loop {
        let node = here.node_now(session).await;
        watch.see(&node);
        if let Some(why) = watch.given_up() {
            return Replaced::Failed(watch.failed(&node, why));
        }
        let Some(container) = watch.fitting(&node).map(|container| container.id.clone()) else {
            watch.steady = None;
            if watch.is_over() {
                return Replaced::Failed(watch.failed(&node, watch.why_no_container()));
            }
            progress.tick(&watch.note(&node));
            tokio::time::sleep(PACE).await;
            continue;
        };
        let looked = look(session, here).await;
        match trouble(&looked, &expected.member) {
            None if watch.is_steady(&container) => {
                let Ok(world) = looked else { continue };
                let (elapsed_ms, world) = (millis(watch.began), Box::new(world));
                return Replaced::Runs { container, elapsed_ms, world };
            }
            None => progress.tick("it serves; seeing that it stays so"),
            Some(why) => {
                watch.steady = None;
                if watch.is_over() {
                    let patience = human::duration(expected.patience);
                    let why = format!("etcd did not serve within {patience}: {why}");
                    return Replaced::Failed(watch.failed(&node, why));
                }
                progress.tick(&why);
            }
        }
        tokio::time::sleep(PACE).await;
    }
}

/// What the member is still short of.
fn trouble(looked: &Result<World, crate::failure::Failure>, member: &str) -> Option<String> {
    let world = match looked {
        Ok(world) => world,
        Err(failure) => return Some(failure.what.lines().next().unwrap_or_default().to_owned()),
    };
    let member = world.member_called(member);
    if member.is_some_and(|member| serves(world, member.id)) {
        return None;
    }
    Some(match member.map(|member| &member.status) {
        None => "the cluster does not list it any more".to_owned(),
        Some(Err(silence)) => format!("it does not answer yet ({silence})"),
        Some(Ok(status)) if status.leader.is_none() => "it knows no leader yet".to_owned(),
        Some(Ok(_)) => "it is still catching up".to_owned(),
    })
}
