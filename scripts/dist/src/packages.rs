//! The crates that are linked into the binary for one target, as cargo resolves
//! them for it alone: no proc macros, no build scripts, nothing of the tests.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context, Result, bail, ensure};

/// The crate that everything else is a dependency of.
const ROOT: &str = "etcd-rescue";

/// One crate of one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pub name: String,
    pub version: String,
}

/// What is known of it.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// As in its manifest: an SPDX expression, or several licences with slashes.
    pub licence: String,
    /// SHA-256 of its archive, as in Cargo.lock; none of our own.
    pub checksum: Option<String>,
    /// The crates that it uses itself.
    pub uses: Vec<Id>,
}

/// All of them.
#[derive(Debug)]
pub struct Packages {
    pub all: BTreeMap<Id, Package>,
    pub root: Id,
}

impl Packages {
    /// Asks cargo, in the workspace that this is run in.
    pub fn linked(target: &str) -> Result<Self> {
        let out = Command::new("cargo")
            .args(["tree", "--locked", "--package", ROOT, "--target", target])
            .args(["--edges", "normal,no-proc-macro", "--no-dedupe"])
            .args(["--prefix", "depth", "--format", "|{p}|{l}"])
            .output()
            .context("cargo tree")?;
        ensure!(out.status.success(), "cargo tree: {}", String::from_utf8_lossy(&out.stderr));
        let lock = fs::read_to_string("Cargo.lock").context("Cargo.lock")?;
        Self::read(&String::from_utf8(out.stdout)?, &checksums(&lock))
    }

    fn read(tree: &str, checksums: &BTreeMap<Id, String>) -> Result<Self> {
        let mut all: BTreeMap<Id, Package> = BTreeMap::new();
        // The way from the root to the line that is read.
        let mut way: Vec<Id> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let fields: Vec<&str> = line.split('|').collect();
            let [depth, id, licence] = fields[..] else { bail!("cargo tree says `{line}`") };
            let mut words = id.split(' ');
            let (Some(name), Some(version)) = (words.next(), words.next()) else {
                bail!("cargo tree says `{line}`")
            };
            let version = version.trim_start_matches('v').to_owned();
            let id = Id { name: name.to_owned(), version };
            way.truncate(depth.parse().with_context(|| line.to_owned())?);
            if let Some(user) = way.last().and_then(|user| all.get_mut(user))
                && let Err(place) = user.uses.binary_search(&id)
            {
                user.uses.insert(place, id.clone());
            }
            let package = all.entry(id.clone()).or_default();
            package.licence = licence.to_owned();
            package.checksum = checksums.get(&id).cloned();
            way.push(id);
        }
        let root = way.into_iter().next().filter(|root| root.name == ROOT);
        Ok(Self { all, root: root.context("cargo tree does not begin with our crate")? })
    }
}

/// The checksums in a Cargo.lock, which is written by a machine: a key on each line.
fn checksums(lock: &str) -> BTreeMap<Id, String> {
    let blocks = lock.split("[[package]]").skip(1).filter_map(|block| {
        let value = |key: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
            line.map(|text| text.trim_matches('"').to_owned())
        };
        let id = Id { name: value("name")?, version: value("version")? };
        Some((id, value("checksum")?))
    });
    blocks.collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
        source = \"registry+x\"\nchecksum = \"aa\"\n\n[[package]]\nname = \"b\"\n\
        version = \"2.1.0\"\nchecksum = \"bb\"\ndependencies = [\n \"a\",\n]\n\n[[package]]\n\
        name = \"etcd-rescue\"\nversion = \"0.1.0\"\n";

    const TREE: &str = "0|etcd-rescue v0.1.0 (/somewhere)|Apache-2.0\n1|a v1.0.0|MIT\n\
        1|b v2.1.0|MIT/Apache-2.0\n2|a v1.0.0|MIT\n";

    pub fn some() -> Packages {
        Packages::read(TREE, &checksums(LOCK)).expect("read")
    }

    #[test]
    fn a_tree_becomes_a_list_with_who_uses_whom() {
        let packages = some();
        let id = |name: &str, version: &str| Id { name: name.into(), version: version.into() };
        let (a, b, root) = (id("a", "1.0.0"), id("b", "2.1.0"), id("etcd-rescue", "0.1.0"));
        assert_eq!(
            packages.all.keys().cloned().collect::<Vec<_>>(),
            [&a, &b, &root].map(Clone::clone)
        );
        assert_eq!(packages.root, root);
        assert_eq!(packages.all[&root].uses, [a.clone(), b.clone()]);
        assert_eq!(packages.all[&b].uses, std::slice::from_ref(&a));
        assert_eq!(packages.all[&b].licence, "MIT/Apache-2.0");
        assert_eq!(packages.all[&a].checksum.as_deref(), Some("aa"));
        assert_eq!(packages.all[&root].checksum, None);
        for tree in ["", "0|other v1.0.0|MIT", "x|etcd-rescue v0.1.0|MIT", "nonsense"] {
            assert!(Packages::read(tree, &BTreeMap::new()).is_err(), "{tree}");
        }
    }
}
