//! Several followers defragmented at the same time, as --parallel asks for.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use crate::{
    consent::Consent,
    failure::Failure,
    model::{Bytes, Member, MemberId, Revision, Undo, World},
    say::{Progress, ticking},
};

use super::{
    defragment::{Target, defragment_member},
    execute::Walk,
    failures, undo,
};

/// Something under way, of which there are several.
pub(super) type Running<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

impl<'w> Walk<'w> {
    /// What one member's defragmentation is about.
    pub(super) fn target<'m>(
        &self,
        member: &'m Member,
        revision: Revision,
        expected_stall_ms: u64,
    ) -> Target<'m>
    where
        'w: 'm,
    {
        Target {
            member,
            revision,
            expected: Duration::from_millis(expected_stall_ms),
            smallest_sibling: self.smallest,
            wishes: self.wishes,
        }
    }

    /// Defragments all of them; ends when the last one has. One that fails stops
    /// none of the others: they go on inside the servers anyway.
    pub(super) async fn defragment_together(
        &mut self,
        members: &[MemberId],
        undo: &Undo,
        world: &World,
        revision: Revision,
        expected_stall_ms: u64,
        consent: &Consent,
    ) -> Result<String, Failure> {
        let mut targets = Vec::new();
        for id in members {
            let Some(member) = world.member(*id).filter(|member| member.status.is_ok()) else {
                return Err(failures::member_gone(self.session, &id.to_string()));
            };
            self.keeps_a_copy(world, member)?;
            targets.push(self.target(member, revision, expected_stall_ms));
        }
        for target in &targets {
            // They are one step: either all of them may be touched or none.
            self.touch(target.member.id);
        }
        undo::keep(self.session, undo, world, consent);
        let (session, here) = (self.session, self.here);
        let names: Vec<String> = targets.iter().map(|target| target.member.label()).collect();
        let label = format!("defragmenting {}", names.join(", "));
        let progress =
            Progress::time(&session.voice, &label, targets.first().map(|target| target.expected));
        let running: Vec<Running<'_, _>> = targets
            .iter()
            .map(|target| -> Running<'_, _> {
                Box::pin(defragment_member(session, here, target, consent))
            })
            .collect();
        let ended = ticking(all(running), || progress.tick("")).await;
        drop(progress);
        let mut told = Vec::new();
        let mut failure = None;
        for (target, ended) in targets.iter().zip(ended) {
            match ended {
                Ok((detail, after)) => {
                    self.is_small(target.member, after);
                    told.push(format!("{} {detail}", target.member.label()));
                    failure = failure.or(self.still_too_big(target.member, after));
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            Some(failure) => Err(failure),
            None => Ok(told.join("; ")),
        }
    }

    /// Notes a member's size after its defragmentation.
    pub(super) fn is_small(&mut self, member: &Member, after: Bytes) {
        self.defragmented.push(member.id);
        self.smallest = Some(self.smallest.map_or(after, |smallest| smallest.min(after)));
    }
}

/// What every future brings, in their order.
pub(super) async fn all<T>(mut futures: Vec<Running<'_, T>>) -> Vec<T> {
    let mut ended: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, ended) in futures.iter_mut().zip(&mut ended) {
            if ended.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *ended = Some(value);
            }
        }
        if ended.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    ended.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_run_at_once_and_keep_their_places() {
        let gate = tokio::sync::Barrier::new(3);
        let futures: Vec<Running<'_, usize>> = (0..3)
            .map(|number| -> Running<'_, usize> {
                let gate = &gate;
                Box::pin(async move {
                    gate.wait().await;
                    number
                })
            })
            .collect();
        assert_eq!(all(futures).await, [0, 1, 2]);
    }
}
