//! `diagnose --self-test`: each drive below etcd is told to test itself, after
//! its name was typed. It goes on by itself; a later `diagnose` shows how far
//! it is and what it found.

use std::time::Duration;

use crate::{
    act,
    cli::SelfTestKind,
    consent::{self, Refused},
    decide,
    failure::{Exit, Failure},
    model::diagnosis::{Examined, SelfTestOrder},
};

use super::session::Session;

/// A drive that takes longer to say that it has begun may hang.
const PATIENCE: Duration = Duration::from_secs(15);

/// Starts what was asked for on every drive that can.
///
/// # Errors
/// When no drive can, when nobody can be asked or the answer is no, and when a
/// drive did not begin.
pub async fn start(
    session: &Session,
    examined: &Examined,
    kind: Option<SelfTestKind>,
) -> Result<(), Failure> {
    let Some(kind) = kind else { return Ok(()) };
    let voice = &session.voice;
    let (orders, refusals) = orders(examined, kind == SelfTestKind::Long);
    if orders.is_empty() {
        return Err(nothing_to_test(session, &refusals));
    }
    refusals.iter().for_each(|why| voice.warn(&format!("No self-test: {why}.")));
    for order in &orders {
        let details = details(order);
        if voice.can_ask() {
            voice.heading(&format!("Self-test of {}", order.disk));
            voice.say(&details);
        }
        let question = format!("Have {} test itself now?", order.disk);
        let consent = consent::by_word(&question, &order.disk, &details, voice).await;
        let consent = consent.map_err(|refused| not_allowed(session, order, refused))?;
        act::self_test::start(order, PATIENCE, &consent)
            .await
            .map_err(|why| not_started(session, order, &why))?;
        voice.ok(&format!(
            "{} tests itself{}; `{} diagnose` shows how far it is, and later what it found",
            order.disk,
            duration(order).map(|takes| format!(", {takes}")).unwrap_or_default(),
            session.settings.program
        ));
    }
    Ok(())
}

/// The drives that can, and why the others cannot.
fn orders(examined: &Examined, long: bool) -> (Vec<SelfTestOrder>, Vec<String>) {
    let (mut orders, mut refusals) = (Vec::new(), Vec::new());
    for leaf in examined.below.iter().flat_map(|below| &below.leaves) {
        let health = examined.drives.iter().find(|drive| drive.disk == leaf.name);
        let order = match health {
            Some(health) => decide::self_test(leaf, health, long),
            None => Err(format!("{} was not asked for its health", leaf.name)),
        };
        match order {
            Ok(order) => orders.push(order),
            Err(why) => refusals.push(why),
        }
    }
    (orders, refusals)
}

/// What it means, before the word is typed.
fn details(order: &SelfTestOrder) -> String {
    let what = if order.long {
        "The drive reads every block of itself, behind everybody else's I/O"
    } else {
        "The drive checks its electronics and reads some of its blocks"
    };
    let takes = duration(order).unwrap_or_else(|| "it does not tell how long it takes".to_owned());
    let emulated = order.emulated_by.as_ref().map(|by| format!(" It is emulated by {by}."));
    format!(
        "{what}: {takes}. Nothing is written; a drive that is slow already may be slower \
         meanwhile. It ends by itself.{}",
        emulated.unwrap_or_default()
    )
}

fn duration(order: &SelfTestOrder) -> Option<String> {
    Some(match order.minutes? {
        1 => "about a minute".to_owned(),
        minutes @ 2..=119 => format!("about {minutes} minutes"),
        minutes => format!("about {} hours", (minutes + 30) / 60),
    })
}

fn nothing_to_test(session: &Session, refusals: &[String]) -> Failure {
    let why = match refusals {
        [] => "no disk of this node's etcd is known".to_owned(),
        refusals => refusals.join("; "),
    };
    Failure::new(
        Exit::Refused,
        format!("no drive below etcd can be told to test itself: {why}"),
        "No self-test was started.",
        format!("`{} diagnose` shows what there is to see", session.settings.program),
    )
}

fn not_allowed(session: &Session, order: &SelfTestOrder, refused: Refused) -> Failure {
    let next = match refused {
        Refused::NotATerminal => {
            format!("in a terminal (`ssh -t MASTER`), --yes does not do: `{}`", session.again())
        }
        Refused::SaidNo | Refused::OtherWord | Refused::Eof => {
            format!("without a self-test: `{} diagnose`", session.settings.program)
        }
    };
    Failure::new(
        Exit::NeedsDecision,
        format!("{} was not told to test itself: {refused}", order.disk),
        "This self-test was not started.",
        next,
    )
}

fn not_started(session: &Session, order: &SelfTestOrder, why: &str) -> Failure {
    Failure::new(
        Exit::Refused,
        format!("the self-test of {} did not start: {why}", order.disk),
        "Nothing was written to the drive.",
        format!("`{} diagnose` shows whether one runs", session.settings.program),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::diagnosis::DriveProtocol;

    fn order(long: bool, minutes: Option<u16>) -> SelfTestOrder {
        SelfTestOrder {
            disk: "sda".to_owned(),
            node: "sda".to_owned(),
            protocol: DriveProtocol::Ata,
            long,
            minutes,
            emulated_by: None,
        }
    }

    #[test]
    fn it_is_said_how_long_it_takes_where_the_drive_tells() {
        assert!(details(&order(false, Some(2))).contains("about 2 minutes."));
        assert!(details(&order(true, Some(220))).contains("about 4 hours."));
        assert!(details(&order(true, None)).contains("does not tell how long"));
    }
}
