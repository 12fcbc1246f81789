//! Looking things up in YAML (and JSON) files of kubelet, crictl and etcd.
//! Wrong kinds and missing keys are `None`; a file that is no YAML is an error
//! text.

use std::{fs::File, io::Read, path::Path};

use saphyr::{LoadableYamlNode, YamlOwned};

/// Longest file read; a manifest or configuration is a few KiB.
const LONGEST: u64 = 1 << 20;

/// The documents of a file.
///
/// # Errors
/// One line: the kernel's words, or where the text stops being YAML.
pub fn documents(path: &Path) -> Result<Vec<YamlOwned>, String> {
    parse(&read(path)?)
}

/// The text of a small configuration file.
///
/// # Errors
/// One line with the kernel's words, or that the file is too long.
pub fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err("longer than 1 MiB".to_owned());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The documents in a text.
///
/// # Errors
/// Where the text stops being YAML, in one line.
pub fn parse(text: &str) -> Result<Vec<YamlOwned>, String> {
    YamlOwned::load_from_str(text).map_err(|error| format!("not YAML: {error}"))
}

/// The node under a path of keys.
#[must_use]
pub fn at<'a>(node: &'a YamlOwned, keys: &[&str]) -> Option<&'a YamlOwned> {
    keys.iter().try_fold(node, |node, key| node.as_mapping_get(key))
}

/// The scalar under a path of keys, as text: numbers and booleans are
/// written as YAML writes them.
#[must_use]
pub fn text(node: &YamlOwned, keys: &[&str]) -> Option<String> {
    scalar(at(node, keys)?)
}

/// The whole number under a path of keys, also when it is quoted.
#[must_use]
pub fn number(node: &YamlOwned, keys: &[&str]) -> Option<i64> {
    text(node, keys)?.parse().ok()
}

/// The list of scalars under a path of keys.
#[must_use]
pub fn texts(node: &YamlOwned, keys: &[&str]) -> Vec<String> {
    items(node, keys).iter().filter_map(scalar).collect()
}

/// The list under a path of keys; empty when there is none.
#[must_use]
pub fn items<'a>(node: &'a YamlOwned, keys: &[&str]) -> &'a [YamlOwned] {
    at(node, keys).and_then(YamlOwned::as_vec).map_or(&[], Vec::as_slice)
}

/// The keys of a mapping; empty when it is none.
#[must_use]
pub fn keys(node: &YamlOwned) -> Vec<String> {
    node.as_mapping().map(|map| map.keys().filter_map(scalar).collect()).unwrap_or_default()
}

fn scalar(node: &YamlOwned) -> Option<String> {
    if let Some(text) = node.as_str() {
        return Some(text.to_owned());
    }
    if let Some(number) = node.as_integer() {
        return Some(number.to_string());
    }
    if let Some(number) = node.as_floating_point() {
        return Some(number.to_string());
    }
    node.as_bool().map(|truth| truth.to_string())
}
