//! `diagnose`: everything between a drive's firmware and etcd's clients is
//! looked at, at the same time where it can be, and said in one verdict.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    act,
    cli::Diagnose,
    decide,
    failure::{Exit, Failure},
    model::{
        Located,
        diagnosis::{DiskBelow, Examined, PlaceRole, Unseen},
    },
    observe::{aside, host::HostRoot, kernel_events},
    say::{human, json},
};

use super::{
    look::{Here, arrive, look},
    session::Session,
    watch_members::watch_members,
};

/// A look at anything of this node that may hang.
const PATIENCE: Duration = Duration::from_secs(15);

/// Answers "why is etcd slow?".
pub async fn diagnose(session: &Session, wanted: &Diagnose) -> Result<Exit, Failure> {
    let here = arrive(session).await?;
    let examined = examine(session, &here, wanted).await?;
    let diagnosis = decide::diagnose(&examined);
    let width = session.voice.width();
    session.voice.answer(&human::diagnosis(&examined, &diagnosis, width));
    session.voice.json(&json::DiagnosisAnswer::new(&examined, &diagnosis));
    Ok(if diagnosis.has_findings() { Exit::Findings } else { Exit::Ok })
}

/// Looks at everything once.
async fn examine(session: &Session, here: &Here, wanted: &Diagnose) -> Result<Examined, Failure> {
    let window = Duration::from_secs(5);
    let since = Duration::from_secs(24 * 3_600);
    let mut examined = Examined::default();
    let node = &here.node;
    let (members, disks, log, symptoms) = tokio::join!(
        members(session, here, window, wanted.passive),
        aside::disk_below(node, window, window + PATIENCE),
        aside::log_story(node, since, PATIENCE),
        aside::symptoms(node, since, PATIENCE),
    );
    match members {
        Ok((world, views)) => (examined.world, examined.views) = (Some(world), views),
        Err(failure) => examined.unseen.push(unseen("the members", &failure.what)),
    }
    match disks {
        Ok(below) => examined.below = Some(below),
        Err(missed) => examined.unseen.push(unseen("the disks of this node", &missed.to_string())),
    }
    match log {
        Ok(log) => examined.log = Some(log),
        Err(missed) => examined.unseen.push(unseen("etcd's log", &missed.to_string())),
    }
    match symptoms {
        Ok(symptoms) => examined.symptoms = symptoms,
        Err(missed) => {
            examined.unseen.push(unseen("the logs of etcd's clients", &missed.to_string()))
        }
    }
    let below = examined.below.as_ref();
    examined.kernel = Some(kernel_events::kernel_events(&HostRoot::default(), below));
    for leaf in below.map_or(&[][..], |below| &below.leaves) {
        examined.drives.push(aside::drive(leaf, PATIENCE).await);
    }
    if wanted.probe {
        examined.probe = probe(node, examined.below.as_ref()).await;
    }
    examined.at = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default();
    Ok(examined)
}

async fn members(
    session: &Session,
    here: &Here,
    window: Duration,
    passive: bool,
) -> Result<(crate::model::World, Vec<crate::model::diagnosis::MemberView>), Failure> {
    let world = look(session, here).await?;
    let views = watch_members(session, here, &world, window, passive).await;
    Ok((world, views))
}

async fn probe(
    node: &Located,
    below: Option<&DiskBelow>,
) -> Option<Result<crate::model::diagnosis::ProbeRun, crate::model::diagnosis::ProbeRefusal>> {
    let _ = below.map(|below| below.places.iter().find(|place| place.role == PlaceRole::WalDir));
    let directory = node.wal_dir.as_ref().or(node.data_dir.as_ref())?;
    act::fsync_probe::probe(&directory.value, PATIENCE).await.ok()
}

fn unseen(what: &str, why: &str) -> Unseen {
    Unseen { what: what.to_owned(), why: why.to_owned(), needs: String::new() }
}
