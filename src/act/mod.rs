//! The only room with effects on etcd and on files: one file per kind of
//! step. None acts without a `Consent` (letting the kubelet go needs none),
//! decides nothing, looks at nothing and never speaks; whoever calls it
//! re-reads the world afterwards. The lock, the journal and the spool file,
//! which need no consent, are our own files.

mod block;
mod block_sum;
mod checked_file;
mod compact;
pub mod copy_tree;
mod defragment;
mod disarm;
pub mod fsync_probe;
mod guardian_process;
mod journal;
mod journal_names;
mod journal_place;
pub mod kubelet_guardian;
mod kubelet_hold;
pub mod manifest;
mod node_lock;
pub mod offline_copy;
mod own_file;
mod part_file;
mod private_directory;
mod purge;
mod quiet_writes;
mod remove_left_overs;
pub mod self_test;
mod snapshot;
mod snapshot_stream;
mod spool;
mod trailing_checksum;
mod trial_write;
mod undo;

pub use compact::{compact, settle};
pub use defragment::defragment;
pub use disarm::disarm;
pub use journal::{Journal, JournalNews};
pub use kubelet_hold::{HoldError, HoldNews, KubeletHold, hold_is_left_over, let_go_of_ours};
pub use node_lock::{LockError, LockHolder, NodeLock, holder};
pub use part_file::{PartFile, remove_left_overs, rename_to_free};
pub use private_directory::prepare_directory;
pub use purge::purge_range;
pub use quiet_writes::quiet_writes;
pub use remove_left_overs::{Removed, remove_orphans};
pub use snapshot::{ReadBack, Received, Saved, SnapshotError, receive};
pub use snapshot_stream::{stream, stream_within};
pub use spool::{SpoolError, SpoolFile};
pub use trial_write::trial_write;
pub use undo::{OldFile, link_database, remove_link};
