//! The state of md arrays, from sysfs (Linux Documentation/admin-guide/md.rst).

use super::block_device::{BlockDevice, entries};
use crate::model::diagnosis::Array;

/// What an array says of itself. After a failure `array_state` stays "clean":
/// `degraded` counts.
#[must_use]
pub fn array(device: &BlockDevice) -> Array {
    let text = |name: &str| device.attribute(&format!("md/{name}"));
    let number = |name: &str| text(name).and_then(|text| text.parse().ok()).unwrap_or_default();
    let unknown = || "unknown".to_owned();
    let parts = entries(&device.path.join("md")).into_iter().filter_map(|entry| {
        let part = entry.strip_prefix("dev-")?.to_owned();
        Some((part, text(&format!("{entry}/state")).unwrap_or_else(unknown)))
    });
    Array {
        name: device.name.clone(),
        level: text("level").unwrap_or_else(unknown),
        state: text("array_state").unwrap_or_else(unknown),
        degraded: number("degraded"),
        disks: number("raid_disks"),
        sync_action: text("sync_action").unwrap_or_else(|| "none".to_owned()),
        parts: parts.collect(),
    }
}
