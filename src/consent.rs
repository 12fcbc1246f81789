//! Which step needs which word, and the token that proves the word was given.
//! Neither prints nor dials: whoever can talk to a person implements `Ask`.

use thiserror::Error;

use crate::model::{Step, StepKind};

/// Permission for one step. Only this file can make one, and nothing in `act`
/// that changes etcd runs without one, so that no effect goes unasked. It does
/// not know its step: whoever obtains it spends it on that step at once.
#[derive(Debug)]
#[must_use = "a consent is minted to be spent on its step"]
pub struct Consent {
    _private: (),
}

impl Consent {
    fn mint() -> Self {
        Self { _private: () }
    }
}

/// The word a step needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needed {
    /// None: it reads, or adds a file of ours.
    Nothing,
    /// A yes, default no.
    YesNo {
        /// Whether "yes to all remaining followers" may be answered.
        remaining_offered: bool,
    },
    /// This word, typed.
    Typed(String),
}

/// The word `step` needs in a cluster of `cluster_size` members. `step` must
/// carry who leads now, not who led when the plan was made. Without a
/// snapshot every member is asked for by itself.
#[must_use]
pub fn needed(step: &Step, cluster_size: usize, without_snapshot: bool) -> Needed {
    match &step.kind {
        StepKind::Snapshot { sick_disk: Some(disk), .. } => Needed::Typed(disk.clone()),
        StepKind::Snapshot { .. } | StepKind::Compare | StepKind::Verify => Needed::Nothing,
        StepKind::HoldKubelet { .. }
        | StepKind::RemoveLeftOvers { .. }
        | StepKind::Compact { .. }
        | StepKind::DefragmentTogether { .. }
        | StepKind::Disarm { .. } => Needed::YesNo { remaining_offered: false },
        StepKind::Defragment { .. } if cluster_size <= 1 => Needed::Typed(label(step)),
        StepKind::Defragment { leader, .. } => {
            Needed::YesNo { remaining_offered: !leader && !without_snapshot }
        }
    }
}

/// The name to type; the id of a nameless member.
fn label(step: &Step) -> String {
    match step.member {
        Some(id) if step.member_name.is_empty() => id.to_string(),
        _ => step.member_name.clone(),
    }
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `--yes`: nobody; every step of a plan that passed the gates is allowed.
    AllYes,
    /// The person at the terminal.
    Ask,
    /// There is nobody: only steps that need no word are allowed.
    None,
}

impl Policy {
    /// The policy for `--yes` and for whether somebody can be asked.
    #[must_use]
    pub fn of(yes: bool, can_ask: bool) -> Self {
        match (yes, can_ask) {
            (true, _) => Self::AllYes,
            (false, true) => Self::Ask,
            (false, false) => Self::None,
        }
    }
}

/// What a person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, or the right word.
    Yes,
    /// No, an empty line, or a wrong word.
    No,
    /// Yes to this and to every remaining follower.
    Remaining,
    /// The input ended.
    Eof,
}

/// Somebody who can be asked.
pub trait Ask {
    /// Whether there is anybody.
    fn can_ask(&self) -> bool;

    /// Asks for a yes, default no. `details` is shown again on request.
    fn yes_no(
        &self,
        step: &Step,
        remaining_offered: bool,
        details: &str,
    ) -> impl Future<Output = Answer>;

    /// Asks to type `expected`; answers `Yes` only when that was typed.
    fn word(&self, step: &Step, expected: &str, details: &str) -> impl Future<Output = Answer>;

    /// The same for what is no step of a plan.
    fn word_for(
        &self,
        question: &str,
        expected: &str,
        details: &str,
    ) -> impl Future<Output = Answer>;
}

/// Gets the consent for something that is no step of any plan: a person types
/// `word`. `--yes` never stands for it.
///
/// # Errors
/// Anything but the word itself is a refusal.
pub async fn by_word(
    question: &str,
    word: &str,
    details: &str,
    ask: &impl Ask,
) -> Result<Consent, Refused> {
    if !ask.can_ask() {
        return Err(Refused::NotATerminal);
    }
    match ask.word_for(question, word, details).await {
        Answer::Yes => Ok(Consent::mint()),
        Answer::No | Answer::Remaining => Err(Refused::SaidNo),
        Answer::Eof => Err(Refused::Eof),
    }
}

/// The same, where a flag may hold the word already: `--confirm WORD` of the
/// command that does it, which is as much as typing it. `--yes` never stands
/// for it.
///
/// # Errors
/// Anything but the word itself is a refusal.
pub async fn by_word_or_flag(
    question: &str,
    word: &str,
    details: &str,
    confirmed: Option<&str>,
    ask: &impl Ask,
) -> Result<Consent, Refused> {
    match confirmed {
        Some(given) if given == word => Ok(Consent::mint()),
        Some(_) => Err(Refused::OtherWord),
        None => by_word(question, word, details, ask).await,
    }
}

/// Why there is no consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Nobody can be asked and `--yes` was not given.
    #[error("there is no terminal to ask at")]
    NotATerminal,
    /// The person said no.
    #[error("the answer was no")]
    SaidNo,
    /// `--confirm` holds another word.
    #[error("--confirm holds another word")]
    OtherWord,
    /// The input ended before an answer.
    #[error("the input ended before an answer")]
    Eof,
}

/// Whose word counts during one run, and whether "all remaining followers"
/// was already answered.
#[derive(Debug)]
pub struct Authority {
    policy: Policy,
    remaining_followers: bool,
}

impl Authority {
    /// An authority that has heard nothing yet.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy, remaining_followers: false }
    }

    /// Whether a person will be asked for this word.
    #[must_use]
    pub fn will_ask(&self, needed: &Needed) -> bool {
        match needed {
            Needed::Nothing => false,
            Needed::YesNo { remaining_offered: true } if self.remaining_followers => false,
            Needed::YesNo { .. } | Needed::Typed(_) => self.policy == Policy::Ask,
        }
    }

    /// Gets the word `step` needs.
    ///
    /// # Errors
    /// Anything but the word itself is a refusal.
    pub async fn obtain(
        &mut self,
        step: &Step,
        needed: Needed,
        details: &str,
        ask: &impl Ask,
    ) -> Result<Consent, Refused> {
        if needed == Needed::Nothing {
            return Ok(Consent::mint());
        }
        match self.policy {
            Policy::AllYes if yes_flag_covers(&step.kind) => return Ok(Consent::mint()),
            Policy::AllYes | Policy::Ask if ask.can_ask() => {}
            _ => return Err(Refused::NotATerminal),
        }
        let answer = match needed {
            Needed::Nothing => Answer::Yes,
            Needed::YesNo { remaining_offered: true } if self.remaining_followers => Answer::Yes,
            Needed::YesNo { remaining_offered } => {
                ask.yes_no(step, remaining_offered, details).await
            }
            Needed::Typed(expected) => ask.word(step, &expected, details).await,
        };
        match answer {
            Answer::Yes => Ok(Consent::mint()),
            Answer::Remaining => {
                self.remaining_followers = true;
                Ok(Consent::mint())
            }
            Answer::No => Err(Refused::SaidNo),
            Answer::Eof => Err(Refused::Eof),
        }
    }
}

/// Whether `--yes` stands for a step of this kind. Exhaustive on purpose: a
/// new kind of step has to decide here.
fn yes_flag_covers(kind: &StepKind) -> bool {
    match kind {
        // A flag of its own accepts that; the step then names no disk.
        StepKind::Snapshot { sick_disk: Some(_), .. } => false,
        StepKind::HoldKubelet { .. }
        | StepKind::RemoveLeftOvers { .. }
        | StepKind::Snapshot { .. }
        | StepKind::Compact { .. }
        | StepKind::Compare
        | StepKind::Defragment { .. }
        | StepKind::DefragmentTogether { .. }
        | StepKind::Disarm { .. }
        | StepKind::Verify => true,
    }
}

#[cfg(test)]
mod tests;
