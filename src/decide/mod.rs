//! Pure judgement: a look at the world becomes a plan or refusals, a look
//! before and after becomes a verdict. Imports only `model`; it cannot fail,
//! wait or have effects, and every rule of it is tested by scenario files.

mod advice;
mod anew;
mod apart;
mod cautions;
mod comeback;
mod diagnosis;
mod digest;
mod etcd_log;
mod etcd_signs;
mod etcdctl;
mod gates;
mod hold;
mod keeper_obstacle;
mod left_overs;
mod live;
mod manifest_directory;
mod manifest_edit;
mod no_start;
mod one_master;
mod order;
mod patience;
mod plan;
mod prevention;
mod purge;
mod relocation;
mod relocation_cautions;
mod relocation_gates;
mod restart;
mod restart_cause;
mod room;
mod rules;
mod settings_advice;
mod sick;
mod spool;
mod stall;
mod steps;
mod streams;
mod undo;
mod usage;
mod verdict;
mod wanted_edits;

pub use advice::cause;
pub use anew::{came_back, replace_silent};
pub use comeback::{Comeback, comes_back, local_comes_back};
pub use diagnosis::{
    Burst, WriteThrough, between, bursts, diagnose, drive_facts, longest, member_numbers,
    self_test, sick_disks, since_start, slow_voter, write_through,
};
pub use etcdctl::line as etcdctl_line;
pub use gates::refusals;
pub use hold::needs_hold;
pub use keeper_obstacle::keeper_obstacle;
pub use live::{fits_well, live_data_in_question, smallest_quota};
pub use manifest_directory::in_the_way;
pub use manifest_edit::{edit_manifest, manifest_text};
pub use no_start::node_story;
pub use one_master::{
    kubelet_obstacle, quota_cautions, quota_obstacle, restart_cautions, restart_obstacles,
};
pub use order::{equality_in_question, no_copy_left};
pub use patience::{Patience, passes, patience};
pub use plan::{Decision, any_voter, decide, snapshot_name, snapshot_source};
pub use prevention::prevention;
pub use purge::{
    Unfit, by_hand, events_below, events_of, is_needed, is_protected, prefix_of, protected_key,
    purge_refusals, still_needed,
};
pub use relocation::{needed_room, refusals as relocation_refusals, relocation_edit};
pub use relocation_cautions::{cautions as relocation_cautions, slower_sync};
pub use relocation_gates::{downtime_cautions, layout_obstacle};
pub use restart::{countdown, is_recent, restart_story};
pub use room::{could_be_freed, needed_at, room_for_database};
pub use rules::rule_groups;
pub use settings_advice::settings_advice;
pub use sick::{only_copy_on_sick_disk, sick_disk_below};
pub use spool::{SpoolRoom, spool_room};
pub use streams::open_streams;
pub use undo::{has_room_for_undo, undo_now};
pub use usage::{AfterDeletion, after_deletion, fillers, usage_sentences};
pub use verdict::{
    DefragVerdict, KvFingerprint, Unequal, caught_up, defrag_verdict, disarm_refusals,
    hashes_agree, is_nearly_full, nearly_full,
};
pub use wanted_edits::{flag, wanted_edits};
