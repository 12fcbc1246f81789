//! How much of this node's own database is live, read from its file while etcd
//! runs on it: quicker than asking for every key, and no work for etcd. Only
//! what nobody changed meanwhile counts.

use std::{path::Path, time::Duration};

use tokio::{task::spawn_blocking, time::timeout};

use crate::model::{Bytes, LiveData};

use super::{
    bolt::BoltFile,
    usage::{Limits, read_database},
};

/// Memory for telling keys apart: about a million in one pass.
const TABLE: usize = 16 << 20;

/// Counts the live data in the database below `data_dir`, within `patience`.
/// Events are not told apart. `None` when the file cannot be read whole, or was
/// changed while it was read: bbolt never writes over pages that its metas lead
/// to, so that metas which stay the same vouch for all of it.
pub async fn own_live_data(data_dir: &Path, patience: Duration) -> Option<LiveData> {
    let path = data_dir.join("member/snap/db");
    let reading = spawn_blocking(move || {
        let file = BoltFile::open(&path).ok()?;
        let limits = Limits { table: TABLE, ..Limits::default() };
        let usage = read_database(&file, limits, &mut |_| {}).ok()?;
        usage.damage.is_none().then_some(LiveData {
            keys: usage.total.keys,
            bytes: Bytes(usage.total.live_bytes),
            file_size: usage.packed,
            partial: false,
            events: None,
        })
    });
    timeout(patience, reading).await.ok()?.ok()?
}
