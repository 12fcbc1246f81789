//! The cluster as the tests find it: full, with a NOSPACE alarm on.

use std::collections::BTreeMap;

use super::{ClusterState, MemberState};

pub(super) fn full_cluster() -> ClusterState {
    ClusterState {
        cluster_id: 0xC1,
        leader: 1,
        term: 3,
        revision: 1000,
        alarms: vec![(1, 1)],
        keys: BTreeMap::from([(b"/registry/a".to_vec(), b"1".to_vec())]),
        ..ClusterState::default()
    }
}

pub(super) fn full_member(id: u64, endpoint: String) -> MemberState {
    MemberState {
        id,
        name: format!("master-{id}"),
        endpoint,
        version: "3.5.16".to_owned(),
        db_size: 64 << 20,
        db_size_in_use: 60 << 20,
        live_size: 1 << 20,
        quota: 64 << 20,
        raft_index: 5000,
        raft_applied_index: 5000,
        hash: 0xABCD,
        database: database(),
        ..MemberState::default()
    }
}

/// The smallest file that is a bbolt database of 196 pages to whoever looks at
/// its meta pages; the other pages hold noise.
fn database() -> Vec<u8> {
    const PAGE: usize = 512;
    const PAGES: u64 = 196;
    let mut file: Vec<u8> = (0..PAGES as usize * PAGE).map(|at| (at % 251) as u8).collect();
    for page in [0, PAGE] {
        let meta = &mut file[page + 16..page + 80];
        let fields = [0xED0C_DAED | 2 << 32, PAGE as u64, 3, 0, 2, PAGES, 4 + (page / PAGE) as u64];
        for (field, value) in meta.chunks_exact_mut(8).zip(fields) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        // FNV-1a, as bbolt sums its meta.
        let sum = meta[..56].iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        meta[56..].copy_from_slice(&sum.to_le_bytes());
    }
    file
}
