//! The short name of a plan: equal plans have equal names.

use crate::model::Step;

/// FNV-1a over the steps' content, as eight hex digits. It names a plan for
/// people and logs; nothing relies on it being hard to forge.
pub(super) fn plan_id(steps: &[Step]) -> String {
    let text = format!("{steps:?}");
    let hash = text
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}
