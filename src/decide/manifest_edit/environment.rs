//! `ETCD_*` variables of the container. etcd does not start when a setting is
//! given both by a flag and by its variable ("conflicting environment variable
//! is shadowed by corresponding command-line flag", etcd pkg/flags/flag.go), so
//! that a flag must never be put beside one.

use super::{change::Change, lines::Lines, pod::Pod, scalar::written, spot::Spot, unfit};
use crate::model::Unfit;

/// The variable of a flag (etcd pkg/flags/flag.go).
pub(in crate::decide) fn variable(flag: &str) -> String {
    format!("ETCD_{}", flag.to_ascii_uppercase().replace('-', "_"))
}

/// The entry of `env` with this name.
///
/// # Errors
/// When it is there twice.
pub(super) fn entry<'a>(pod: &Pod<'a>, name: &str) -> Result<Option<Spot<'a>>, Unfit> {
    let Some(env) = pod.container.key("env")? else { return Ok(None) };
    let mut found = None;
    for item in env.items() {
        if item.word("name")? != Some(name) {
            continue;
        }
        if let Some(before) = found.replace(item) {
            return Err(unfit(&format!(
                "the variable {name} is set twice, the first time in line {}",
                before.number()
            )));
        }
    }
    Ok(found)
}

/// Gives the variable another value.
///
/// # Errors
/// When its value comes from elsewhere.
pub(super) fn change(
    lines: &Lines,
    entry: &Spot<'_>,
    name: &str,
    value: &str,
) -> Result<Option<Change>, Unfit> {
    let Some(spot) = entry.key("value")? else {
        return Err(unfit(&format!(
            "line {} takes {name} from somewhere else; it has to be changed there",
            entry.number()
        )));
    };
    if spot.node.text() == Some(value) {
        return Ok(None);
    }
    let written = written(lines, spot.node)?;
    Ok(Some(Change::Rewrite { way: spot.way, written, value: value.to_owned() }))
}
