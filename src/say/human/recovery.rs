//! How it ended: sizes and alarms before and after.

use super::{Column, UNKNOWN, alarms, table};
use crate::{
    model::{Bytes, Member, World},
    say::text::hang,
};

/// Every member's database before and after, and the alarms then and now.
#[must_use]
pub fn before_after(before: &World, after: &World, width: usize) -> String {
    let names = Column::text("NAME", after.members.iter().map(Member::label).collect());
    let column = |title, cell: fn(Option<Bytes>, Option<Bytes>) -> Option<String>| {
        let cells = after.members.iter().map(|member| {
            let text = cell(before.member(member.id).and_then(db_size), db_size(member));
            text.unwrap_or_else(|| UNKNOWN.to_owned())
        });
        Column::number(title, cells.collect())
    };
    let columns = [
        names,
        column("DB BEFORE", |before, _| Some(before?.to_string())),
        column("DB AFTER", |_, after| Some(after?.to_string())),
        column("FREED", |before, after| Some(before?.minus(after?).to_string())),
    ];
    let alarms_line = |label: &str, world: &World| hang(label, &alarms(world), width);
    [
        table(&columns, width),
        String::new(),
        alarms_line("Alarms before  ", before),
        alarms_line("Alarms now     ", after),
    ]
    .join("\n")
}

fn db_size(member: &Member) -> Option<Bytes> {
    member.status.as_ref().ok().map(|status| status.db_size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::human::testing::{assert_fits, world};

    #[test]
    fn sizes_before_and_after() {
        let before = world();
        let mut after = world();
        for member in &mut after.members {
            let Ok(status) = &mut member.status else { continue };
            status.db_size = status.db_size_in_use;
            status.alarms.clear();
        }
        after.members[2].status = Err("timed out".into());
        let text = before_after(&before, &after, 80);
        assert_fits(&text, 80);
        assert_eq!(
            text,
            "\
NAME      DB BEFORE  DB AFTER     FREED
master-1   64.1 MiB   3.2 MiB  60.9 MiB
master-2   62.1 MiB   3.2 MiB  58.9 MiB
master-3   63.9 MiB   unknown   unknown

Alarms before  NOSPACE raised by master-1
Alarms now     none"
        );
    }
}
