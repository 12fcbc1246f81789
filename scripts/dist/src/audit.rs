//! The list of linked crates inside the binary itself, for scanners that find a
//! binary on a machine (`cargo audit bin`, Trivy, Syft): JSON, packed with zlib, in
//! a section of its own, as cargo-auditable's PARSING.md says.

use serde_json::{Value, json};

use crate::packages::{Id, Packages};

/// The name of that section.
pub const SECTION: &str = ".dep-v0";

/// The packed list.
pub fn compressed(packages: &Packages) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(list(packages).to_string().as_bytes(), 10)
}

fn list(packages: &Packages) -> Value {
    let place = |id: &Id| packages.all.keys().position(|other| other == id);
    let entries = packages.all.iter().map(|(id, package)| {
        let source = if package.checksum.is_some() { "crates.io" } else { "local" };
        let mut entry = json!({ "name": id.name, "version": id.version, "source": source });
        if !package.uses.is_empty() {
            entry["dependencies"] = package.uses.iter().filter_map(place).collect();
        }
        if *id == packages.root {
            entry["root"] = true.into();
        }
        entry
    });
    json!({ "packages": entries.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::tests::some;

    #[test]
    fn the_list_is_what_scanners_read() {
        let bytes =
            miniz_oxide::inflate::decompress_to_vec_zlib(&compressed(&some())).expect("zlib");
        let said: Value = serde_json::from_slice(&bytes).expect("JSON");
        let wanted = json!({ "packages": [
            { "name": "a", "version": "1.0.0", "source": "crates.io" },
            { "name": "b", "version": "2.1.0", "source": "crates.io", "dependencies": [0] },
            { "name": "etcd-rescue", "version": "0.1.0", "source": "local",
              "dependencies": [0, 1], "root": true },
        ] });
        assert_eq!(said, wanted);
    }
}
