//! Why this node's etcd was restarted, or is down, as the other stories show
//! it.

use crate::model::Timestamp;

use crate::{
    decide,
    model::{Located, RestartStory, World},
    say::{human, json},
};

use super::session::Session;

/// The story of a node at one moment.
pub struct Restart {
    story: RestartStory,
    /// The command that shows what the kubelet says of it.
    kubelet_log: &'static str,
    now: Timestamp,
}

impl Restart {
    /// What is known of this node alone; `None` when there is nothing to tell.
    pub fn of_node(node: &Located) -> Option<Self> {
        Self::at(node, None)
    }

    /// The same, but only what is down or happened within the last hour.
    pub fn news(node: &Located) -> Option<Self> {
        Self::of_node(node).filter(|restart| decide::is_recent(node, nanos(restart.now)))
    }

    /// With the alarms of the cluster as further evidence.
    pub fn of_world(world: &World) -> Option<Self> {
        Self::at(&world.node, Some(world))
    }

    fn at(node: &Located, world: Option<&World>) -> Option<Self> {
        let now = Timestamp::now();
        let story = decide::node_story(node, world, nanos(now))?;
        Some(Self { story, kubelet_log: node.layout().kubelet_log, now })
    }

    /// The verdict.
    pub fn story(&self) -> &RestartStory {
        &self.story
    }

    /// The story with the countdown, as sentences without a last full stop.
    pub fn sentence(&self) -> String {
        match decide::countdown(&self.story, self.kubelet_log, nanos(self.now)) {
            Some(countdown) => {
                let (first, rest) = countdown.split_at(1);
                format!("{}. {}{rest}", self.story.text, first.to_uppercase())
            }
            None => self.story.text.clone(),
        }
    }

    /// The story as a part of a JSON answer.
    pub fn answer(&self, node: &Located) -> json::RestartAnswer {
        json::RestartAnswer::new(&self.story, node.last_end.as_ref(), self.now)
    }
}

/// The member table; below it what happened to this node's etcd, when that is
/// news.
pub fn status(session: &Session, world: &World) -> String {
    let width = session.voice.width();
    let status = human::status(world, width);
    let news = decide::is_recent(&world.node, nanos(Timestamp::now()));
    let told = |restart: &Restart| news || restart.story.exact.is_some();
    match Restart::of_world(world).filter(told) {
        Some(restart) => format!("{status}\n{}", human::restart(&restart.sentence(), width)),
        None => status,
    }
}

fn nanos(now: Timestamp) -> i64 {
    now.as_nanosecond()
}
