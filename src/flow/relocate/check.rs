//! Everything that has to hold before a member is moved, all of it told at
//! once; and what to know before saying yes. Changes nothing.

use std::path::Path;

use crate::{
    act::{
        copy_tree,
        manifest::{held_path, open_to_changes},
    },
    decide,
    failure::Failure,
    flow::{
        look::{Here, look},
        session::Session,
    },
    model::{
        Bytes, Copied, DataDir, EditedManifest, Located, ManifestFile, Member, Obstacle,
        RELOCATION, Relocation, RelocationTarget, World,
    },
    observe::{self, manifest_directory::manifest_file, relocation_target::relocation_target},
    say::json::SyncAnswer,
};

use super::{
    begun::{self, Begun},
    fsync, troubles,
};

/// A relocation that may begin.
pub(super) struct Plan {
    /// What will be done.
    pub begun: Begun,
    /// Both directories.
    pub seen: RelocationTarget,
    /// The cluster.
    pub world: World,
    /// The manifest's difference.
    pub edited: EditedManifest,
    /// How fast both disks sync.
    pub syncs: SyncAnswer,
    /// What to know, one sentence each.
    pub cautions: Vec<String>,
}

/// Checks everything.
pub(super) async fn check(session: &Session, here: &Here, to: &Path) -> Result<Plan, Failure> {
    let node = here.node_now(session).await;
    if let Some(obstacle) = decide::layout_obstacle(&node) {
        return Err(troubles::in_the_way(&[obstacle]));
    }
    let world = look(session, here).await?;
    let mut obstacles = decide::restart_obstacles(&world);
    let disk = data_dir(&node)?;
    let seen = relocation_target(to, &disk.path).await;
    obstacles.extend(target_obstacles(session, to, &seen));
    obstacles.extend(data_obstacle(&disk.path));
    let (manifest, found) = manifest(&node);
    obstacles.extend(found);
    let mut edited = None;
    if let (Ok(seen), Some(manifest)) = (&seen, &manifest) {
        let text = String::from_utf8_lossy(&manifest.bytes);
        match begun::edited(&text, &manifest.path, &disk.path, &seen.target.directory) {
            Ok(done) => edited = Some(done),
            Err(why) => obstacles.push(not_edited(manifest, &why)),
        }
    }
    let local = world.members.iter().find(|member| member.local);
    match (seen, manifest, edited, local) {
        (Ok(seen), Some(manifest), Some(edited), Some(local)) if obstacles.is_empty() => {
            let (disk, local) = (disk.path.clone(), local.clone());
            let parts = Parts { seen, manifest, edited, local, node, from: disk };
            Ok(plan(session, parts, world).await?)
        }
        _ => Err(troubles::in_the_way(&obstacles)),
    }
}

/// What may have changed since the page was shown: a person may think for an
/// hour.
pub(super) async fn still_so(session: &Session, here: &Here, plan: &Plan) -> Result<(), Failure> {
    let (record, before) = (&plan.begun.record, &plan.begun.before);
    let mut obstacles = decide::restart_obstacles(&look(session, here).await?);
    obstacles.extend(decide::layout_obstacle(&here.node_now(session).await));
    let seen = relocation_target(&record.to, &record.from).await;
    obstacles.extend(target_obstacles(session, &record.to, &seen));
    if manifest_file(&before.path).ok().map(|now| now.sha256).as_ref() != Some(&before.sha256) {
        obstacles.push(Obstacle {
            what: format!("somebody changed {} meanwhile", before.path.display()),
            next: format!("see what it is; then `{}` shows the plan anew", session.again()),
        });
    }
    if obstacles.is_empty() { Ok(()) } else { Err(troubles::in_the_way(&obstacles)) }
}

/// What the plan is made of.
struct Parts {
    seen: RelocationTarget,
    manifest: ManifestFile,
    edited: (EditedManifest, bool),
    local: Member,
    node: Located,
    from: std::path::PathBuf,
}

async fn plan(session: &Session, parts: Parts, world: World) -> Result<Plan, Failure> {
    let Parts { seen, manifest, edited: (edited, is_volume), local, node, from } = parts;
    let (syncs, slower) = fsync::measure(session, &seen).await?;
    let quota = local.status.as_ref().ok().map(|status| status.quota);
    let mut cautions = decide::downtime_cautions(&world);
    let to = seen.target.directory.clone();
    let guarded = is_volume && begun::is_guarded(&edited.text, &to);
    cautions.extend(decide::relocation_cautions(&seen, quota, guarded));
    cautions.extend(slower);
    cautions.extend(older(&seen));
    let record = Relocation {
        from,
        to: seen.target.directory.clone(),
        mount_point: seen.target.filesystem.mount_point.clone(),
        member: local.label(),
        member_id: local.id.to_string(),
        made: seen.missing,
        names: Vec::new(),
        wal: Vec::new(),
        copied: Copied { bytes: seen.used, files: 0 },
        copy_ms: 0,
        started: false,
        came_back: false,
        done: false,
    };
    let container = node.container.map(|container| container.id);
    let begun = begun::prepared(record, manifest, &edited, is_volume, container, session);
    Ok(Plan { begun, seen, world, edited, syncs, cautions })
}

/// The data of an earlier relocation: its record makes room for this one's.
fn older(seen: &RelocationTarget) -> Option<String> {
    let older = observe::relocation(Path::new(RELOCATION)).ok()??;
    let stays = older.done && older.from != seen.target.directory;
    (stays && older.from.join("member").exists()).then(|| {
        format!(
            "the old data of the relocation before are still in {}: this run forgets them; remove \
             them first with `etcd-rescue relocate --remove-old`, or by hand later",
            older.from.display()
        )
    })
}

fn data_dir(node: &Located) -> Result<DataDir, Failure> {
    node.disk.clone().ok_or_else(|| {
        let what = match node.data_dir_hangs() {
            true => "etcd's data directory does not answer: its disk may hang",
            false => "etcd's data directory cannot be looked at",
        };
        let next = "see what is wrong with the disk: `etcd-rescue diagnose`; a member whose disk \
                    is lost is not moved but removed and added again, from the other members' data";
        troubles::in_the_way(&[Obstacle { what: what.to_owned(), next: next.to_owned() }])
    })
}

fn target_obstacles(
    session: &Session,
    to: &Path,
    seen: &Result<RelocationTarget, String>,
) -> Vec<Obstacle> {
    let whys = match seen {
        Ok(seen) => decide::relocation_refusals(seen),
        Err(why) => vec![why.clone()],
    };
    let next = match seen {
        Ok(seen) if seen.target.filesystem.available < decide::needed_room(seen) => format!(
            "a disk of its own with at least {} free; better twice the quota and 128 MiB",
            decide::needed_room(seen)
        ),
        _ => "name an empty directory on a disk of its own, with ext4 or xfs".to_owned(),
    };
    let again = session.settings.command_line("relocate --to DIR");
    let obstacle = |why: String| Obstacle {
        what: format!("{}: {why}", to.display()),
        next: format!("{next}: `{again}`"),
    };
    whys.into_iter().map(obstacle).collect()
}

/// What cannot be copied is better known before etcd is stopped.
fn data_obstacle(data_dir: &Path) -> Option<Obstacle> {
    let error = copy_tree::list(data_dir).err()?;
    Some(Obstacle {
        what: error.to_string(),
        next: "see what it is and whose; move it out of the data directory when it is not etcd's"
            .to_owned(),
    })
}

/// The manifest, when it can be changed, and what is in the way.
fn manifest(node: &Located) -> (Option<ManifestFile>, Vec<Obstacle>) {
    let Some(path) = node.manifest.as_ref().map(|manifest| manifest.path.clone()) else {
        return (None, Vec::new());
    };
    let mut found = Vec::new();
    let directory = path.parent().unwrap_or(Path::new("/"));
    match observe::manifest_directory(directory) {
        Ok(directory) => found.extend(decide::in_the_way(&directory, &path)),
        Err(error) => found.push(Obstacle {
            what: format!("{}: {error}", directory.display()),
            next: "see what is wrong with that directory".to_owned(),
        }),
    }
    if let Err(error) = open_to_changes(&path) {
        found.push(troubles::obstacle(&error));
    }
    if let Some(held) = held_path(&path).ok().filter(|held| held.symlink_metadata().is_ok()) {
        found.push(Obstacle {
            what: format!("{} is left there, a manifest that was once taken out", held.display()),
            next: format!(
                "compare it with {}, and move it away: `mv {} /root/`",
                path.display(),
                held.display()
            ),
        });
    }
    match manifest_file(&path) {
        Ok(file) => (Some(file), found),
        Err(error) => {
            let what = format!("{}: {error}", path.display());
            let next = format!("see what it is: `ls -l {}`", path.display());
            found.push(Obstacle { what, next });
            (None, found)
        }
    }
}

fn not_edited(manifest: &ManifestFile, why: &str) -> Obstacle {
    Obstacle {
        what: format!("{} is not edited here: {why}", manifest.path.display()),
        next: "by hand, on one master at a time: `mv` the manifest to /root, wait until etcd is \
               gone, `cp -a` the data, edit the copy in /root, `mv` it back"
            .to_owned(),
    }
}

/// How long the member is down for that much data, in seconds: read, written
/// and read back at 100 MB/s, and the kubelet's own pace.
pub(super) fn down_seconds(used: Bytes) -> u64 {
    20 + used.0 * 2 / 100_000_000
}
