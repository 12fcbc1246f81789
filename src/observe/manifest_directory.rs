//! What the kubelet would run of its static-pod directory, and the bytes of one
//! manifest. Reads; whether what it finds is in the way is `decide`'s to say.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::fcntl::OFlag;
use ring::digest;
use saphyr::YamlOwned;

use super::yaml;
use crate::model::{DirectoryFile, ManifestDirectory, ManifestFile, PodName};

/// Longest manifest; a real one has some KiB.
const LONGEST: u64 = 1 << 20;

/// Ends of names that editors, package managers and careful people give to
/// copies.
const COPIES: [&str; 14] = [
    "~",
    ".bak",
    ".backup",
    ".orig",
    ".old",
    ".save",
    ".swp",
    ".swo",
    ".tmp",
    ".copy",
    ".rpmsave",
    ".rpmnew",
    ".dpkg-old",
    ".dpkg-dist",
];

/// Every file the kubelet would read: regular, or a link to such a one, name
/// without a dot in front, whatever its end, no subdirectories (kubernetes
/// pkg/kubelet/config/file.go).
///
/// # Errors
/// The system's, when the directory cannot be listed.
pub fn manifest_directory(directory: &Path) -> io::Result<ManifestDirectory> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_file() {
            files.push(look_at(&entry.path()));
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(ManifestDirectory { path: directory.to_owned(), files })
}

fn look_at(path: &Path) -> DirectoryFile {
    let documents = yaml::documents(path).unwrap_or_default();
    let pod = documents.iter().find(|document| {
        yaml::text(document, &["kind"]).as_deref() == Some("Pod")
            && yaml::at(document, &["spec"]).is_some()
    });
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase());
    DirectoryFile {
        path: path.to_owned(),
        pod: pod.map(pod_name),
        has_etcd: pod.is_some_and(has_etcd),
        odd_name: name.is_some_and(|name| COPIES.iter().any(|end| name.ends_with(end))),
        link: path.read_link().ok(),
    }
}

fn pod_name(pod: &YamlOwned) -> PodName {
    let field = |key| yaml::text(pod, &["metadata", key]);
    PodName {
        namespace: field("namespace").unwrap_or_else(|| "default".to_owned()),
        name: field("name").unwrap_or_default(),
    }
}

fn has_etcd(pod: &YamlOwned) -> bool {
    let containers = yaml::items(pod, &["spec", "containers"]);
    containers.iter().any(|one| yaml::text(one, &["name"]).as_deref() == Some("etcd"))
}

/// The manifest with everything that is to stay the same when it is replaced.
/// Links on the way to its directory are resolved; one in its own place is
/// not followed.
///
/// # Errors
/// The system's; `InvalidInput` for what is no regular file, or is far too
/// long for a manifest.
pub fn manifest_file(path: &Path) -> io::Result<ManifestFile> {
    let unfit = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why.to_owned()));
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return unfit("it is no file");
    };
    let path = directory.canonicalize()?.join(name);
    if path.symlink_metadata()?.is_symlink() {
        return unfit("it is a symbolic link");
    }
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).bits();
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(&path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return unfit("it is no regular file");
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return unfit("it is longer than 1 MiB");
    }
    let sha256 = sha256(&bytes);
    let (mode, uid, gid) = (found.mode() & 0o7777, found.uid(), found.gid());
    Ok(ManifestFile { path, bytes, sha256, mode, uid, gid })
}

/// The command line that the etcd container of this manifest has; empty when it
/// cannot be read.
#[must_use]
pub fn manifest_args(path: &Path) -> Vec<String> {
    let documents = yaml::documents(path).unwrap_or_default();
    documents.iter().find_map(super::manifest::args_of).unwrap_or_default()
}

/// SHA-256 of bytes, in hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, bytes);
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const POD: &str = "kind: Pod\nmetadata: {name: etcd, namespace: kube-system}\n\
                       spec: {containers: [{name: etcd}]}\n";

    #[test]
    fn every_file_that_runs_is_seen() -> io::Result<()> {
        let outer = tempfile::tempdir()?;
        let dir = outer.path().join("manifests");
        fs::create_dir_all(dir.join("sub"))?;
        fs::write(outer.path().join("elsewhere"), POD)?;
        for name in ["etcd.yaml", "etcd.yaml.bak", ".etcd.yaml.swp", "sub/etcd.yaml", "ETCD.YAML~"]
        {
            fs::write(dir.join(name), POD)?;
        }
        fs::write(dir.join("readme"), "how: to\n")?;
        symlink(outer.path().join("elsewhere"), dir.join("link"))?;
        symlink("/nowhere", dir.join("broken"))?;
        let found = manifest_directory(&dir)?;
        let names: Vec<_> = found
            .files
            .iter()
            .map(|file| file.path.file_name().map(|name| name.to_string_lossy().into_owned()))
            .collect();
        let expected = ["ETCD.YAML~", "etcd.yaml", "etcd.yaml.bak", "link", "readme"];
        assert_eq!(names, expected.map(|name| Some(name.to_owned())));
        let odd: Vec<bool> = found.files.iter().map(|file| file.odd_name).collect();
        assert_eq!(odd, [true, false, true, false, false]);
        let [.., link, readme] = &found.files[..] else { panic!("{found:?}") };
        assert_eq!(link.link.as_deref(), Some(&*outer.path().join("elsewhere")));
        assert!(link.has_etcd && readme.pod.is_none());
        let pod = PodName { namespace: "kube-system".into(), name: "etcd".into() };
        assert_eq!(link.pod.as_ref(), Some(&pod));
        assert!(manifest_directory(&dir.join("none")).is_err());
        Ok(())
    }

    #[test]
    fn a_manifest_is_read_with_what_has_to_stay() -> io::Result<()> {
        let outer = tempfile::tempdir()?;
        let dir = outer.path().canonicalize()?;
        let path = dir.join("etcd.yaml");
        fs::write(&path, "abc")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640))?;
        symlink(&dir, dir.join("way"))?;
        let found = manifest_file(&dir.join("way/etcd.yaml"))?;
        assert_eq!((found.path, found.mode, found.bytes), (path.clone(), 0o640, b"abc".to_vec()));
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(found.sha256, abc);
        symlink(&path, dir.join("link.yaml"))?;
        for (path, why) in [("link.yaml", "symbolic link"), ("way/..", "no file"), ("", "regular")]
        {
            let error = manifest_file(&dir.join(path)).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|text| text.contains(why)), "{path}: {error:?}");
        }
        Ok(())
    }
}
