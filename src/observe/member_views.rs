//! Members side by side: how long reads take, and what their metrics say at
//! the beginning and at the end of some seconds.

use std::time::Duration;

use crate::{
    model::{World, diagnosis::MemberView},
    wire::Access,
};

/// Watches every member for `window`. `passive`: grants no lease, even where
/// etcd is too quiet to be measured.
pub async fn member_views(
    _world: &World,
    _access: &Access,
    _window: Duration,
    _passive: bool,
) -> Vec<MemberView> {
    Vec::new()
}
