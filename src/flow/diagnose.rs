//! `diagnose`: everything between a drive's firmware and etcd's clients is
//! looked at, at the same time where it can be, and said in one verdict.

mod arrive;
mod examine;
mod parts;
mod probe;

use std::time::Duration;

use crate::{
    cli::Diagnose,
    decide,
    failure::{Exit, Failure},
    model::diagnosis::{Account, Examined},
    say::{
        human::{self, Layout},
        json,
    },
    settings::DiagnoseSettings,
};

use super::{self_test, session::Session};
use examine::{Once, examine};

/// Answers "why is etcd slow?", once or again and again.
pub async fn diagnose(session: &Session, typed: &Diagnose) -> Result<Exit, Failure> {
    let wanted = DiagnoseSettings::resolve(typed, &session.settings)?;
    let mut once = Once::default();
    loop {
        let started = std::time::Instant::now();
        let examined = examine(session, &wanted, &mut once).await?;
        let tested = self_test::start(session, &examined, wanted.self_test).await;
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let account = account(examined, elapsed_ms);
        if let Err(failure) = tested {
            // What was seen is worth as much as before; a script gets one
            // document, and that is about the failure.
            if !session.voice.is_json() {
                tell(session, &account);
            }
            return Err(failure);
        }
        let Some(pause) = wanted.watch else { return Ok(tell(session, &account)) };
        tell_again(session, &account, pause);
        if session.voice.is_unheard() {
            return Ok(exit(&account));
        }
        tokio::time::sleep(pause).await;
    }
}

/// What it comes to.
fn account(examined: Examined, elapsed_ms: u64) -> Account {
    let diagnosis = decide::diagnose(&examined);
    let numbers = examined.views.iter().map(|view| (view.id, decide::member_numbers(view)));
    Account {
        elapsed_ms,
        numbers: numbers.collect(),
        facts: examined.drives.iter().filter_map(decide::drive_facts).collect(),
        examined,
        diagnosis,
    }
}

/// Members that did not let us in are not well: nothing is known of them.
fn exit(account: &Account) -> Exit {
    if account.diagnosis.has_findings() {
        Exit::Findings
    } else if account.examined.not_admitted {
        Exit::Unreachable
    } else {
        Exit::Ok
    }
}

fn tell(session: &Session, account: &Account) -> Exit {
    let exit = exit(account);
    session.voice.page(&human::diagnosis(account, &Layout::of(&session.voice)));
    session.voice.json(&json::DiagnosisAnswer::new(account, exit));
    exit
}

/// One round of many: a fresh screen where there is one, else a block with its
/// time; for scripts one document per line.
fn tell_again(session: &Session, account: &Account, pause: Duration) {
    let voice = &session.voice;
    voice.clear();
    voice.page(&human::diagnosis(account, &Layout::of(voice)));
    voice.answer(&human::next_round(account.examined.at, pause));
    voice.json_line(&json::DiagnosisAnswer::new(account, exit(account)));
}
