//! Before keys are deleted: which there are, and the word to delete them.

use std::time::Duration;

use serde_json::json;

use crate::{
    consent::{self, Consent, Refused},
    decide,
    failure::{Exit, Failure},
    model::{Bytes, KeyRange, Purge, PurgeTarget, Purgeable, Revision, World},
    observe::{self, USUAL_ROOTS},
    say::human,
    settings::quoted,
    wire::WireError,
};

use super::super::{
    failures,
    live_data::{all_keys, below},
    look::Here,
    session::Session,
};

/// Everything below the prefixes has to be counted, however long it takes.
const AS_LONG_AS_IT_TAKES: Duration = Duration::from_secs(24 * 3600);

/// What is to be deleted, as it was asked for.
#[derive(Clone, Debug)]
pub(in crate::flow) struct Asked<'a> {
    /// A prefix; `None` = events, wherever this cluster keeps them.
    pub target: Option<PurgeTarget>,
    /// Only events of these namespaces.
    pub namespaces: &'a [String],
    /// `--confirm`.
    pub confirm: Option<&'a str>,
}

/// What was found, ready to be deleted.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub target: PurgeTarget,
    pub found: Purgeable,
    pub ranges: Vec<KeyRange>,
    pub revision: Revision,
}

impl Counted {
    /// What a person is shown before anything else.
    pub fn shown(&self, session: &Session, world: &World) -> String {
        let by_hand: Vec<String> =
            self.target.prefixes.iter().map(|prefix| decide::by_hand(world, prefix)).collect();
        let record = session.record();
        let purge = record.purge.clone().unwrap_or_default();
        human::counted_keys(&purge, &self.target, &by_hand, session.voice.width())
    }
}

/// Reads names and sizes of all keys, of those below the prefixes by
/// themselves.
pub(super) async fn count(
    session: &Session,
    here: &Here,
    world: &World,
    asked: &Asked<'_>,
) -> Result<Counted, Failure> {
    let fail = |error: WireError| failures::step(session, &error);
    let (member, _) =
        decide::any_voter(world).map_err(|refusal| failures::refused(session, &[refusal]))?;
    let etcd = here.access.dial(&member.endpoint).await.map_err(fail)?;
    let target = match &asked.target {
        Some(target) => target.clone(),
        None => {
            let mut prefixes = observe::event_prefixes(&etcd).await.map_err(fail)?;
            if prefixes.is_empty() {
                // Named in the answer: that is where nothing was found.
                prefixes = USUAL_ROOTS.iter().map(|root| format!("{root}events/")).collect();
            }
            decide::events_of(&prefixes, asked.namespaces)
        }
    };
    let quota = decide::smallest_quota(world);
    let everything = (quota, Bytes(u64::MAX));
    let all = all_keys(session, &etcd, member, everything, &target.prefixes).await.map_err(fail)?;
    let (found, ranges, revision) = if all.live.partial {
        below(session, &etcd, member, &target.prefixes, AS_LONG_AS_IT_TAKES).await.map_err(fail)?
    } else {
        (all.apart, all.ranges, all.revision)
    };
    let file_size = Some(all.live.file_size).filter(|_| !all.live.partial);
    session.record_mut().purge = Some(Purge {
        found: found.clone(),
        revision,
        quota,
        file_size,
        under_alarm: world.has_nospace(),
        ..Purge::default()
    });
    session.journal(
        "counted",
        json!({
            "prefixes": found.prefixes,
            "revision": revision,
            "keys": found.keys,
            "bytes": found.bytes,
            "file_size": file_size,
            "file_size_without": found.file_size_without,
        }),
    );
    Ok(Counted { target, found, ranges, revision })
}

/// The typed word, by a person or by `--confirm`.
pub(super) async fn consent(
    session: &Session,
    counted: &Counted,
    asked: &Asked<'_>,
    shown: &str,
) -> Result<Consent, Failure> {
    let word = &counted.target.word;
    let question = format!(
        "Delete these {} keys with {}, after a snapshot?",
        counted.found.keys, counted.found.bytes
    );
    session.voice.blank();
    let consent =
        consent::by_word_or_flag(&question, word, shown, asked.confirm, &session.voice).await;
    let by = if asked.confirm.is_some() { "--confirm" } else { "a person" };
    let answer = consent.as_ref().map_or_else(ToString::to_string, |_| "yes".to_owned());
    session.journal("answered", json!({"step": "purge", "by": by, "answer": answer}));
    consent.map_err(|refused| needs_the_word(session, word, refused))
}

/// The complete line that says it.
fn needs_the_word(session: &Session, word: &str, refused: Refused) -> Failure {
    let given = format!("{} --confirm {}", session.command_now(), quoted(word));
    let mut line = session.settings.command_line(&given);
    if session.settings.yes {
        line.push_str(" --yes");
    }
    let what = match refused {
        Refused::NotATerminal => {
            format!(
                "deleting needs the word `{word}`, typed in a terminal or given as --confirm; \
                 --yes does not stand for it"
            )
        }
        Refused::OtherWord => format!("--confirm does not say `{word}`: nothing was deleted"),
        Refused::SaidNo | Refused::Eof => format!("nothing was deleted: {refused}"),
    };
    Failure::new(
        Exit::NeedsDecision,
        what,
        session.record().state(),
        format!(
            "without a question: `{line}`; in a terminal (`ssh -t MASTER`): `{}`",
            session.again()
        ),
    )
}
