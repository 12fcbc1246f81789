//! The member table, the alarms, and the disk of this node.

use super::{Column, UNKNOWN, counted, table, table_width};
use crate::{
    model::{DataDir, Member, MemberStatus, Quota, QuotaSource, World},
    say::text::hang,
};

/// Every member, the alarms, whose word the quota is, this node's disk, and
/// what could not be seen.
#[must_use]
pub fn status(world: &World, width: usize) -> String {
    let mut lines = vec![title(world), String::new()];
    lines.push(members(world, width));
    lines.push(String::new());
    lines.extend(member_notes(world, width));
    lines.push(hang("Alarms  ", &alarms(world), width));
    lines.extend(quota_notes(world, width));
    if let Some(disk) = &world.node.disk {
        lines.push(hang("Disk    ", &disk_line(disk), width));
    }
    if let Some(kubelet) = world.node.kubelet.as_ref().filter(|kubelet| kubelet.stopped) {
        lines.push(hang("Kubelet ", &super::located::kubelet_text(kubelet), width));
    }
    for complaint in world.complaints.iter().chain(&world.node.complaints) {
        lines.push(hang("Note    ", complaint, width));
    }
    lines.join("\n")
}

/// What happened to this node's etcd, as a line below the table.
#[must_use]
pub fn restart(sentence: &str, width: usize) -> String {
    hang("Restart ", sentence, width)
}

fn title(world: &World) -> String {
    let known = world.members.iter().any(|member| member.status.is_ok());
    let members = counted(world.members.len(), "member");
    match world.cluster_id {
        0 => format!("etcd cluster {UNKNOWN}, {members}"),
        id if known => format!("etcd cluster {id:x}, {members}, revision {}", world.revision()),
        id => format!("etcd cluster {id:x}, {members}, revision {UNKNOWN}"),
    }
}

/// One table when it fits, otherwise one for sizes and one for the rest.
fn members(world: &World, width: usize) -> String {
    let names = Column::text("NAME", world.members.iter().map(name).collect());
    let mut sizes = vec![names.clone()];
    sizes.extend(size_columns(world));
    let mut rest = raft_columns(world);
    let ids =
        Column::text("ID", world.members.iter().map(|member| member.id.to_string()).collect());
    let mut all = sizes.clone();
    all.extend(rest.clone());
    all.push(ids.clone());
    if table_width(&all) <= width {
        return table(&all, width);
    }
    rest.insert(0, names);
    rest.push(ids);
    if table_width(&rest) > width {
        rest.pop();
    }
    format!("{}\n\n{}", table(&sizes, width), table(&rest, width))
}

fn name(member: &Member) -> String {
    let mark = if member.local { "*" } else { "" };
    format!("{}{mark}", member.label())
}

fn column(
    world: &World,
    title: &'static str,
    cell: impl Fn(&Member, &MemberStatus) -> Option<String>,
) -> Column {
    let cell = |member: &Member| {
        let known = member.status.as_ref().ok().and_then(|status| cell(member, status));
        known.unwrap_or_else(|| UNKNOWN.to_owned())
    };
    Column::number(title, world.members.iter().map(cell).collect())
}

fn size_columns(world: &World) -> Vec<Column> {
    let roles = world.members.iter().map(|member| member.role().to_owned()).collect();
    let alarms = column(world, "ALARM", |member, _| Some(raised_by(world, member)));
    vec![
        Column::text("ROLE", roles),
        column(world, "DB SIZE", |_, status| Some(status.db_size.to_string())),
        column(world, "IN USE", |_, status| Some(status.db_size_in_use.to_string())),
        column(world, "FREE %", |_, status| {
            let free = status.db_size.minus(status.db_size_in_use);
            percent(free.0, status.db_size.0)
        }),
        column(world, "QUOTA", |_, status| Some(quota_cell(status.quota))),
        column(world, "USED %", |_, status| match status.quota.limit {
            None => Some("-".to_owned()),
            Some(limit) => percent(status.db_size.0, limit.0),
        }),
        Column { number: false, ..alarms },
    ]
}

fn raft_columns(world: &World) -> Vec<Column> {
    let newest = world
        .members
        .iter()
        .filter_map(|member| member.status.as_ref().ok())
        .map(|status| status.raft_index)
        .max()
        .unwrap_or(0);
    let endpoints = world.members.iter().map(|member| member.endpoint.clone()).collect();
    vec![
        column(world, "VERSION", |_, status| {
            Some(status.version_text.clone()).filter(|text| !text.is_empty())
        }),
        column(world, "REVISION", |_, status| Some(status.revision.to_string())),
        column(world, "LAG", |_, status| {
            Some(newest.saturating_sub(status.raft_applied_index).to_string())
        }),
        Column::text("ENDPOINT", endpoints),
    ]
}

fn percent(part: u64, whole: u64) -> Option<String> {
    let percent = u128::from(part) * 100 / u128::from(Some(whole).filter(|whole| *whole > 0)?);
    Some(percent.to_string())
}

fn quota_cell(quota: Quota) -> String {
    quota.limit.map_or_else(|| "off".to_owned(), |limit| limit.to_string())
}

/// The alarms `member` raised, as any member knows them.
fn raised_by(world: &World, member: &Member) -> String {
    let kinds: Vec<String> = world
        .alarms()
        .iter()
        .filter(|alarm| alarm.member == member.id)
        .map(|alarm| alarm.kind.to_string())
        .collect();
    if kinds.is_empty() { "-".to_owned() } else { kinds.join(",") }
}

/// The alarms of the cluster in one sentence.
pub(super) fn alarms(world: &World) -> String {
    if !world.members.iter().any(|member| member.status.is_ok()) {
        return format!("{UNKNOWN} (no member answered)");
    }
    let texts: Vec<String> = world
        .alarms()
        .iter()
        .map(|alarm| {
            let culprit = match world.member(alarm.member) {
                Some(member) => member.label(),
                None if alarm.member.0 == 0 => "an unknown member".to_owned(),
                None => format!("{} (not a member)", alarm.member),
            };
            format!("{} raised by {culprit}", alarm.kind)
        })
        .collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

/// Members that do not answer or complain of something.
fn member_notes(world: &World, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for member in &world.members {
        match &member.status {
            Err(error) => {
                let text = format!("{} ({}): {error}", member.label(), member.endpoint);
                lines.push(hang("FAIL    ", &text, width));
            }
            Ok(status) => {
                for error in &status.errors {
                    let text = format!("{} says: {error}", member.label());
                    lines.push(hang("WARN    ", &text, width));
                }
            }
        }
    }
    if world.members.iter().any(|member| member.local) {
        lines.push("*       this node".to_owned());
    }
    lines
}

/// Whose word the quotas are, one line for members with the same.
fn quota_notes(world: &World, width: usize) -> Vec<String> {
    let mut known: Vec<(QuotaSource, Vec<String>)> = Vec::new();
    for member in &world.members {
        let Ok(status) = &member.status else { continue };
        match known.iter_mut().find(|(source, _)| *source == status.quota.source) {
            Some((_, names)) => names.push(member.label()),
            None => known.push((status.quota.source, vec![member.label()])),
        }
    }
    let several = known.len() > 1;
    known
        .into_iter()
        .map(|(source, names)| {
            let text = source_text(source);
            let text = if several { format!("{}: {text}", names.join(", ")) } else { text.into() };
            hang("Quota   ", &text, width)
        })
        .collect()
}

fn source_text(source: QuotaSource) -> &'static str {
    match source {
        QuotaSource::Status => "as etcd's own status says",
        QuotaSource::Metric => "as etcd's metrics say",
        QuotaSource::Args => "as the flags of the etcd on this node say",
        QuotaSource::Default => "etcd's default of 2 GiB (--quota-backend-bytes is not set)",
        QuotaSource::Assumed => "assumed: it could not be read off that member",
    }
}

/// The data directory's filesystem and what of it etcd takes.
pub(super) fn disk_line(disk: &DataDir) -> String {
    let filesystem = &disk.filesystem;
    let mut parts = vec![format!(
        "{} of {} available on {} ({}); {} takes {}",
        filesystem.available,
        filesystem.size,
        filesystem.mount_point.display(),
        filesystem.kind,
        disk.path.display(),
        disk.used
    )];
    parts.extend(disk.db_file.map(|size| format!("its db file {size}")));
    for (path, size) in &disk.leftovers {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        parts.push(format!("left over: {name} ({size})"));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Alarm, AlarmKind, Bytes, MemberId},
        say::human::testing::{assert_fits, world},
    };

    #[test]
    fn three_members_at_80_columns() {
        let text = status(&world(), 80);
        assert_fits(&text, 80);
        assert_eq!(
            text,
            "\
etcd cluster cdf818194e3a8c32, 3 members, revision 18231

NAME       ROLE       DB SIZE   IN USE  FREE %     QUOTA  USED %  ALARM
master-1*  leader    64.1 MiB  3.2 MiB      95  64.0 MiB     100  NOSPACE
master-2   follower  62.1 MiB  3.2 MiB      94  64.0 MiB      97  -
master-3   follower  63.9 MiB  3.2 MiB      94  64.0 MiB      99  -

NAME       VERSION  REVISION  LAG  ENDPOINT                ID
master-1*   3.5.16     18231    0  https://10.0.0.11:2379  8e9e05c52164694d
master-2    3.5.16     18231    0  https://10.0.0.12:2379  91bc3c398fb3c146
master-3    3.5.16     18230    1  https://10.0.0.13:2379  fd422379fda50e48

*       this node
Alarms  NOSPACE raised by master-1
Quota   as etcd's metrics say
Disk    3.1 GiB of 40.0 GiB available on /var/lib/etcd (ext4); /var/lib/etcd
        takes 412.0 MiB; its db file 64.1 MiB; left over: db.tmp.1234567 (12.0
        MiB)"
        );
    }

    #[test]
    fn a_wide_terminal_gets_one_table() {
        let text = status(&world(), 160);
        assert_fits(&text, 160);
        assert_eq!(text.matches("NAME").count(), 1, "{text}");
        assert!(text.contains("https://10.0.0.13:2379  fd422379fda50e48"), "{text}");
    }

    #[test]
    fn what_is_not_known_is_unknown() {
        let mut world = world();
        world.node.disk = None;
        for member in &mut world.members {
            member.status = Err("connection refused".into());
        }
        world.complaints.push("the runtime does not answer".into());
        let text = status(&world, 80);
        assert_fits(&text, 80);
        assert!(text.contains("3 members, revision unknown"), "{text}");
        assert!(text.contains("master-2   unknown  unknown  unknown  unknown"), "{text}");
        assert!(
            text.contains("FAIL    master-3 (https://10.0.0.13:2379): connection refused"),
            "{text}"
        );
        assert!(text.contains("Alarms  unknown (no member answered)"), "{text}");
        assert!(text.contains("Note    the runtime does not answer"), "{text}");
        assert!(!text.contains(" 0 "), "{text}");
    }

    #[test]
    fn long_names_wrap_and_an_unset_or_switched_off_quota_is_told() {
        let mut world = world();
        for (index, member) in world.members.iter_mut().enumerate() {
            member.name = format!("ip-10-0-1-{index}.region-1.compute.example.internal");
            let Ok(status) = &mut member.status else { continue };
            status.db_size = Bytes(2_199_023_255);
            status.quota = Quota::DEFAULT;
            if index == 0 {
                status.quota = Quota { limit: None, source: QuotaSource::Args };
            }
            status.alarms.push(Alarm { member: MemberId(0), kind: AlarmKind::Corrupt });
        }
        let text = status(&world, 80);
        assert_fits(&text, 80);
        assert!(text.contains("CORRUPT raised by an unknown member"), "{text}");
        assert!(text.contains("etcd's default of 2 GiB\n        (--quota"), "{text}");
        assert!(text.contains("off"), "{text}");
    }
}
