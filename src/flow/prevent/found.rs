//! etcd's manifest as it was found on this node, the changes it takes, and
//! everything that forbids them now.

use std::path::Path;

use crate::{
    act::manifest::open_to_changes,
    decide,
    failure::Failure,
    flow::session::Session,
    model::{Manifest, ManifestFile, Obstacle, PreventWishes, SettingsAdvice, World},
    observe,
    say::{human, json::SettingAdviceAnswer},
};

/// What is configured and what should be, shown; why it is not done here, when
/// it is not.
pub(super) fn advice(
    session: &Session,
    world: &World,
    wishes: &PreventWishes,
) -> Result<SettingsAdvice, Failure> {
    let advice = decide::settings_advice(world, wishes);
    let manifest = world.node.manifest.as_ref().map(|found| found.path.display().to_string());
    let member = member_of(world);
    let voice = &session.voice;
    voice.answer(&match &manifest {
        Some(path) => format!("Settings of etcd on this master ({member}), {path}:"),
        None => format!("Settings of etcd on this master ({member}):"),
    });
    voice.answer(&human::settings_advice(&advice.settings, voice.width()));
    let mut record = session.record_mut();
    let answer = record.prevent_mut();
    answer.member = Some(member);
    answer.manifest = manifest;
    answer.settings = advice.settings.iter().map(SettingAdviceAnswer::from).collect();
    answer.persist = (!advice.lasting.is_empty()).then(|| advice.lasting.join("\n"));
    drop(record);
    if advice.refusals.is_empty() { Ok(advice) } else { Err(refused(session, &advice.refusals)) }
}

fn member_of(world: &World) -> String {
    let local = world.members.iter().find(|member| member.local);
    local
        .map(|member| member.label())
        .or_else(|| world.node.name.as_ref().map(|name| name.value.clone()))
        .unwrap_or_default()
}

/// What is to be changed, as it was found.
pub(super) struct Found {
    /// This node's member.
    pub(super) member: String,
    /// As the kubelet reads it.
    pub(super) manifest: Manifest,
    /// As it lies on disk.
    pub(super) file: ManifestFile,
}

impl Found {
    /// The manifest, unless it is none of ours to edit.
    pub(super) fn look(session: &Session, world: &World) -> Result<Self, Failure> {
        let node = &world.node;
        let member = member_of(world);
        let Some(manifest) = node.manifest.clone() else {
            return Err(refused(
                session,
                &decide::keeper_obstacle(node, None).into_iter().collect::<Vec<_>>(),
            ));
        };
        let directory = manifest.path.parent().unwrap_or(Path::new("/"));
        let listed = observe::manifest_directory(directory).unwrap_or_default();
        let pod = listed.file(&manifest.path).and_then(|file| file.pod.as_ref());
        let namespace = pod.map(|pod| pod.namespace.clone());
        if let Some(obstacle) = decide::keeper_obstacle(node, namespace.as_deref()) {
            return Err(refused(session, &[obstacle]));
        }
        let in_the_way = decide::in_the_way(&listed, &manifest.path);
        // A link cannot be read as a manifest; that it is one says more.
        let file = observe::manifest_file(&manifest.path).map_err(|error| {
            let own = unfit_obstacle(&manifest, &error.to_string());
            refused(
                session,
                if in_the_way.is_empty() { std::slice::from_ref(&own) } else { &in_the_way },
            )
        })?;
        Ok(Self { member, manifest, file })
    }
}

/// Everything that forbids a change now.
pub(super) fn gates(
    session: &Session,
    found: &Found,
    world: &World,
    wishes: &PreventWishes,
) -> Result<(), Failure> {
    // A person may have thought for an hour: what lies there now counts.
    let directory = found.file.path.parent().unwrap_or(Path::new("/"));
    let mut obstacles = match observe::manifest_directory(directory) {
        Ok(listed) => decide::in_the_way(&listed, &found.manifest.path),
        Err(error) => {
            vec![unfit_obstacle(&found.manifest, &format!("its directory: {error}"))]
        }
    };
    obstacles.extend(decide::restart_obstacles(world));
    obstacles.extend(decide::kubelet_obstacle(world.node.kubelet.as_ref()));
    obstacles.extend(wishes.quota.and_then(|quota| decide::quota_obstacle(world, quota)));
    if let Err(error) = open_to_changes(&found.manifest.path) {
        let next = error.hint().unwrap_or_else(|| "see what is wrong there".to_owned());
        obstacles.push(Obstacle { what: error.to_string(), next });
    }
    if obstacles.is_empty() { Ok(()) } else { Err(refused(session, &obstacles)) }
}

fn refused(session: &Session, obstacles: &[Obstacle]) -> Failure {
    let join =
        |part: fn(&Obstacle) -> &str| obstacles.iter().map(part).collect::<Vec<_>>().join("\n");
    session.stopped(
        join(|it| &it.what),
        format!("{}\nThen: `{}`", join(|it| &it.next), session.again()),
    )
}

fn unfit_obstacle(manifest: &Manifest, why: &str) -> Obstacle {
    Obstacle {
        what: format!("{}: {why}", manifest.path.display()),
        next: "edit it by hand: a copy outside of its directory, then `mv` it over the old one"
            .to_owned(),
    }
}

/// A manifest that is not edited.
pub(super) fn unfit(session: &Session, manifest: &Manifest, why: &str) -> Failure {
    refused(session, &[unfit_obstacle(manifest, why)])
}
