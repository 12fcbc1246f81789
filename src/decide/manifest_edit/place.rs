//! Changing a value that has one place: a probe's path, a volume's hostPath.

use std::path::{Component, Path};

use super::{change::Change, lines::Lines, pod::Pod, scalar::written, spot::Spot, unfit};
use crate::model::{ProbeKind, Unfit};

/// What has to be done so that the probe asks this path.
///
/// # Errors
/// When there is no such probe, or it does not ask by HTTP.
pub(super) fn probe(
    lines: &Lines,
    pod: &Pod<'_>,
    kind: ProbeKind,
    path: &str,
) -> Result<Option<Change>, Unfit> {
    let name = match kind {
        ProbeKind::Liveness => "livenessProbe",
        ProbeKind::Startup => "startupProbe",
        ProbeKind::Readiness => "readinessProbe",
    };
    if !path.starts_with('/') || path.chars().any(|c| c.is_control() || c == ' ') {
        return Err(unfit(&format!("the path for the {name} is no path")));
    }
    let Some(probe) = pod.container.key(name)? else {
        return Err(unfit(&format!("the container has no {name}")));
    };
    let asked = probe.key("httpGet")?.ok_or_else(|| {
        unfit(&format!("the {name} in line {} does not ask by httpGet", probe.number()))
    })?;
    let now = asked.key("path")?.ok_or_else(|| {
        unfit(&format!("the httpGet of the {name} in line {} has no `path`", asked.number()))
    })?;
    rewrite(lines, now, path)
}

/// What has to be done so that the volume comes from another host path.
///
/// # Errors
/// When no single hostPath volume of this path is mounted in the container.
pub(super) fn host_path(
    lines: &Lines,
    pod: &Pod<'_>,
    from: &Path,
    to: &Path,
) -> Result<Option<Change>, Unfit> {
    let target = to.to_str().filter(|to| is_plain_path(to)).ok_or_else(|| {
        unfit("the new path is not an absolute path that can be written in a manifest")
    })?;
    let at = |path: &Path| -> Result<Vec<Spot<'_>>, Unfit> { volumes(lines, pod, path) };
    let now = at(from)?;
    let there = at(to)?;
    let volume = match &now[..] {
        [one] => match there.first().filter(|other| other.way != one.way) {
            None => one,
            Some(other) => {
                return Err(unfit(&format!(
                    "line {} is another volume of the hostPath {target}",
                    other.number()
                )));
            }
        },
        [] if there.len() == 1 => return Ok(None),
        [] => {
            return Err(unfit(&format!(
                "no volume of the pod has the hostPath {}",
                from.display()
            )));
        }
        [first, .., last] => {
            return Err(unfit(&format!(
                "line {} and line {} are volumes of the same hostPath {}",
                first.number(),
                last.number(),
                from.display()
            )));
        }
    };
    let name = volume.word("name")?.unwrap_or_default();
    is_mounted_whole(pod, name)?;
    if let Some(node) = volume.node.borrowed() {
        return Err(unfit(&format!(
            "line {} uses a YAML anchor, alias, tag or merge key",
            node.place.line + 1
        )));
    }
    match volume.key("hostPath")?.map(|host| host.key("path")).transpose()?.flatten() {
        Some(path) => rewrite(lines, path, target),
        None => Err(unfit("the volume has no path")),
    }
}

/// What has to be done so that the kubelet does not make this host path when it
/// is missing (kubernetes pkg/volume/hostpath, `Directory`).
///
/// # Errors
/// When no single hostPath volume of this path has a `type` of its own.
pub(super) fn has_to_exist(
    lines: &Lines,
    pod: &Pod<'_>,
    path: &Path,
) -> Result<Option<Change>, Unfit> {
    let volumes = volumes(lines, pod, path)?;
    let [volume] = &volumes[..] else {
        return Err(unfit(&format!("no single volume has the hostPath {}", path.display())));
    };
    match volume.key("hostPath")?.map(|host| host.key("type")).transpose()?.flatten() {
        Some(kind) => rewrite(lines, kind, "Directory"),
        None => Err(unfit(&format!("the hostPath {} has no type", path.display()))),
    }
}

/// The volumes whose hostPath this is.
fn volumes<'a>(lines: &Lines, pod: &Pod<'a>, path: &Path) -> Result<Vec<Spot<'a>>, Unfit> {
    let Some(list) = pod.spec.key("volumes")? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for volume in list.dashed_items(lines, "volumes")? {
        let Some(host) = volume.key("hostPath")? else { continue };
        // Path compares without slashes at the end.
        if host.word("path")?.is_some_and(|text| Path::new(text) == path) {
            found.push(volume);
        }
    }
    Ok(found)
}

fn is_mounted_whole(pod: &Pod<'_>, name: &str) -> Result<(), Unfit> {
    let mounts = pod.container.key("volumeMounts")?.map(|list| list.items()).unwrap_or_default();
    let mut is_mounted = false;
    for mount in mounts {
        if mount.word("name")? != Some(name) {
            continue;
        }
        is_mounted = true;
        for key in ["subPath", "subPathExpr"] {
            if let Some(part) = mount.key(key)? {
                return Err(unfit(&format!(
                    "line {} mounts only a part of the volume {name}",
                    part.number()
                )));
            }
        }
    }
    if is_mounted {
        return Ok(());
    }
    Err(unfit(&format!("the volume {name} is not mounted in etcd's container")))
}

fn is_plain_path(path: &str) -> bool {
    let inside = |part| matches!(part, Component::RootDir | Component::Normal(_));
    path.starts_with('/')
        && Path::new(path).components().all(inside)
        && !path.chars().any(char::is_control)
}

fn rewrite(lines: &Lines, spot: Spot<'_>, value: &str) -> Result<Option<Change>, Unfit> {
    if spot.node.text() == Some(value) {
        return Ok(None);
    }
    let written = written(lines, spot.node)?;
    Ok(Some(Change::Rewrite { way: spot.way, written, value: value.to_owned() }))
}
