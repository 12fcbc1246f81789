//! The software bill of materials: CycloneDX 1.5 in JSON
//! (https://cyclonedx.org/docs/1.5/json/), the same bytes for the same source.

use serde_json::{Value, json};

use crate::packages::{Id, Package, Packages};

/// The binary that the bill is of.
pub struct About {
    pub target: String,
    pub commit: String,
    pub date: String,
    pub sha256: String,
}

/// The whole document. It has no serial number: that would have to be random.
pub fn document(packages: &Packages, about: &About) -> Value {
    let mut root = component(&packages.root, &packages.all[&packages.root]);
    root["type"] = "application".into();
    root["hashes"] = json!([{ "alg": "SHA-256", "content": about.sha256 }]);
    root["properties"] = json!([
        { "name": "cargo:target", "value": about.target },
        { "name": "git:commit", "value": about.commit },
    ]);
    let linked = packages.all.iter().filter(|(id, _)| **id != packages.root);
    let uses = packages.all.iter().map(|(id, package)| {
        json!({ "ref": purl(id), "dependsOn": package.uses.iter().map(purl).collect::<Vec<_>>() })
    });
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": about.date,
            "lifecycles": [{ "phase": "build" }],
            "component": root,
        },
        "components": linked.map(|(id, package)| component(id, package)).collect::<Vec<_>>(),
        "dependencies": uses.collect::<Vec<_>>(),
    })
}

fn component(id: &Id, package: &Package) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(id),
        "name": id.name,
        "version": id.version,
        "purl": purl(id),
        "scope": "required",
    });
    if !package.licence.is_empty() {
        // The slash is how manifests said "or" before SPDX expressions.
        let words = package.licence.replace('/', " OR ");
        let expression = words.split_whitespace().collect::<Vec<_>>().join(" ");
        component["licenses"] = json!([{ "expression": expression }]);
    }
    if let Some(checksum) = &package.checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

/// https://github.com/package-url/purl-spec; what follows a `+` is percent-encoded.
fn purl(id: &Id) -> String {
    format!("pkg:cargo/{}@{}", id.name, id.version.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::tests::some;

    #[test]
    fn each_crate_is_there_with_licence_checksum_and_what_it_uses() {
        let text = |text: &str| text.to_owned();
        let about = About {
            target: text("t"),
            commit: text("c"),
            date: text("2026-11-23T23:26:59Z"),
            sha256: text("ff"),
        };
        let bom = document(&some(), &about);
        assert_eq!((&bom["bomFormat"], &bom["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
        assert_eq!(bom["metadata"]["component"]["hashes"][0]["content"], "ff");
        assert_eq!(bom["components"].as_array().map(Vec::len), Some(2));
        let b = &bom["components"][1];
        assert_eq!(
            (&b["purl"], &b["hashes"][0]["content"]),
            (&"pkg:cargo/b@2.1.0".into(), &"bb".into())
        );
        assert_eq!(b["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bom["dependencies"][1]["dependsOn"], json!(["pkg:cargo/a@1.0.0"]));
        assert_eq!(bom["dependencies"][2]["ref"], "pkg:cargo/etcd-rescue@0.1.0");
    }
}
