//! The directory that is to become the data directory, beside the one that is
//! it now. Looked at by a child, as either disk may hang. What speaks against
//! it is decided elsewhere; only what cannot be looked at is an error here.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    below::{self, Tree},
    disk,
    host::HostRoot,
    mounts::{MountPoint, Mounts},
};
use crate::{
    model::{Ground, RelocationTarget},
    sys::{
        aside::{Missed, ask},
        mountinfo::unescape,
    },
};

/// How long both directories may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What `mkfs.ext4` puts into a new filesystem.
pub const LOST_FOUND: &str = "lost+found";

/// Most names told of a directory that is not empty.
const NAMES: usize = 5;

/// Where mount units are; what fstab makes is in the first one that is
/// generated (systemd.unit(5)).
const UNITS: [&str; 3] =
    ["/etc/systemd/system", "/usr/lib/systemd/system", "/run/systemd/generator"];

/// Looks at `to` as the place for what is in `data_dir`; both host paths.
///
/// # Errors
/// A sentence why it cannot even be looked at.
pub async fn relocation_target(to: &Path, data_dir: &Path) -> Result<RelocationTarget, String> {
    let words = [OsStr::new("relocation"), to.as_os_str(), data_dir.as_os_str()];
    match ask(&words, PATIENCE).await {
        Ok(answer) => answer,
        Err(Missed::Late(after)) => {
            Err(format!("a look at it took longer than {} s: its disk may hang", after.as_secs()))
        }
        Err(Missed::Failed(_)) => look(&words[1..].iter().map(OsString::from).collect::<Vec<_>>()),
    }
}

/// The child's side.
///
/// # Errors
/// As `relocation_target`.
pub fn look(words: &[OsString]) -> Result<RelocationTarget, String> {
    let [to, data_dir] = words else { return Err("no directory was named".to_owned()) };
    let says = |path: &Path, error: &io::Error| format!("{}: {error}", path.display());
    let (to, missing) = named(Path::new(to))?;
    let data_dir = Path::new(data_dir);
    let data_dir = fs::canonicalize(data_dir).map_err(|error| says(data_dir, &error))?;
    let entries = if missing { Vec::new() } else { entries(&to).map_err(|e| says(&to, &e))? };
    let mounts = Mounts::read();
    let target = ground(&mounts, &to).map_err(|error| says(&to, &error))?;
    let data = ground(&mounts, &data_dir).map_err(|error| says(&data_dir, &error))?;
    let (seen, _) = disk::data_dir(&data_dir).map_err(|error| says(&data_dir, &error))?;
    let host = HostRoot::default();
    Ok(RelocationTarget {
        mounted_by: mounted_by(&host, &target.filesystem.mount_point),
        uuid: uuid(&host, &target.source),
        target,
        missing,
        entries,
        data,
        used: seen.used,
        db_file: seen.db_file,
    })
}

/// The directory as it was named, without a slash at its end, and whether it
/// has to be made. No part of it may be a symlink: the manifest would hold a
/// path that means another one tomorrow.
fn named(to: &Path) -> Result<(PathBuf, bool), String> {
    if !to.is_absolute() {
        return Err("it is not an absolute path: etcd's manifest needs one".to_owned());
    }
    let plain: PathBuf = to.components().collect();
    let text = plain.to_str().ok_or("its name is not UTF-8, which a manifest has to be")?;
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("there is a blank in its name: not in a manifest that has to be right".into());
    }
    let (existing, missing) = match plain.symlink_metadata() {
        Ok(found) if found.is_symlink() => {
            let leads = fs::canonicalize(&plain).map(|real| real.display().to_string());
            let leads = leads.unwrap_or_else(|_| "nowhere".to_owned());
            return Err(format!("it is a symbolic link: name the directory it leads to ({leads})"));
        }
        Ok(found) if !found.is_dir() => return Err("it is not a directory".to_owned()),
        Ok(_) => (plain.as_path(), false),
        Err(error) if error.kind() == ErrorKind::NotFound => match plain.parent() {
            Some(parent) if parent.is_dir() => (parent, true),
            _ => return Err("neither it nor the directory it would be in exists".to_owned()),
        },
        Err(error) => return Err(error.to_string()),
    };
    let real = fs::canonicalize(existing).map_err(|error| error.to_string())?;
    let real = if missing { real.join(plain.file_name().unwrap_or_default()) } else { real };
    if real != plain {
        return Err(format!(
            "a symbolic link or `..` is on the way: write it as {}",
            real.display()
        ));
    }
    Ok((plain, missing))
}

/// Some names in a directory, without `lost+found`.
fn entries(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if name != LOST_FOUND && names.len() < NAMES {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What a directory, or the one it will be in, is on.
fn ground(mounts: &Mounts, directory: &Path) -> io::Result<Ground> {
    let nearest = directory.ancestors().find(|path| path.exists()).unwrap_or(directory);
    let device = fs::metadata(nearest)?.dev();
    let mount = mounts.holding(nearest, device);
    let (disks, no_disk) = mount.map_or_else(
        || (Vec::new(), Some("the mount table cannot be read".to_owned())),
        |mount| disks(mounts, mount),
    );
    Ok(Ground {
        directory: directory.to_owned(),
        filesystem: mounts.filesystem(nearest)?,
        device,
        source: mount.map(|mount| mount.source.clone()).unwrap_or_default(),
        read_only: mount.is_some_and(|mount| mount.read_only),
        disks,
        no_disk,
    })
}

/// The disks below a mount, or why there is none.
fn disks(mounts: &Mounts, mount: &MountPoint) -> (Vec<String>, Option<String>) {
    let host = HostRoot::default();
    let ground = below::Ground { host: &host, mounts };
    let devices = match below::devices(ground, mount) {
        Ok(devices) => devices,
        Err(why) => return (Vec::new(), Some(why)),
    };
    let mut tree = Tree::default();
    devices.into_iter().for_each(|device| tree.add(ground, device));
    (tree.leaves().map(|leaf| leaf.name.clone()).collect(), None)
}

/// What mounts this mount point at the next boot; the root always is.
fn mounted_by(host: &HostRoot, mount_point: &Path) -> Option<String> {
    if mount_point == Path::new("/") {
        return Some("the boot loader".to_owned());
    }
    let fstab = fs::read_to_string(host.path("/etc/fstab")).unwrap_or_default();
    if in_fstab(&fstab, mount_point) {
        return Some("/etc/fstab".to_owned());
    }
    UNITS.iter().find_map(|directory| {
        let entries = fs::read_dir(host.path(directory)).ok()?;
        let units = entries.filter_map(Result::ok).map(|entry| entry.path());
        let mut units = units.filter(|path| path.extension().is_some_and(|ext| ext == "mount"));
        let unit = units.find(|path| is_unit_of(path, mount_point))?;
        Some(host.inside(&unit).display().to_string())
    })
}

/// Whether fstab(5) mounts it by itself.
fn in_fstab(text: &str, mount_point: &Path) -> bool {
    text.lines().map(str::trim).filter(|line| !line.starts_with('#')).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let here = fields.next().is_some_and(|field| unescape(field.as_bytes()) == mount_point);
        let noauto = fields.nth(1).is_some_and(|all| all.split(',').any(|one| one == "noauto"));
        here && !noauto
    })
}

fn is_unit_of(unit: &Path, mount_point: &Path) -> bool {
    let text = fs::read_to_string(unit).unwrap_or_default();
    let place = text.lines().find_map(|line| line.trim().strip_prefix("Where="));
    place.is_some_and(|place| Path::new(place.trim()) == mount_point)
}

/// The UUID of a device's filesystem, as udev links it.
fn uuid(host: &HostRoot, source: &Path) -> Option<String> {
    let device = fs::canonicalize(source).ok()?;
    let links = fs::read_dir(host.path("/dev/disk/by-uuid")).ok()?;
    let mut links = links.filter_map(Result::ok);
    let link = links.find(|link| fs::canonicalize(link.path()).is_ok_and(|real| real == device))?;
    link.file_name().into_string().ok()
}

#[cfg(test)]
#[path = "relocation_target_tests.rs"]
mod tests;
