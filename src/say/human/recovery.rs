//! How it ended: sizes before and after, and the gates that said no.

use super::{Column, UNKNOWN, status::alarms, table};
use crate::{
    model::{Bytes, Member, Refusal, World},
    say::text::{hang, wrap},
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

/// Each gate that forbids the plan, with what to do about it.
#[must_use]
pub fn refusals(refusals: &[Refusal], width: usize) -> String {
    let texts: Vec<String> = refusals
        .iter()
        .map(|refusal| {
            let what = hang("FAIL   ", &refusal.what, width);
            let indented = refusal.next.replace('\n', "\n       ");
            let next = wrap(&format!("       {indented}"), width);
            let next = next.get("       ".len()..).unwrap_or_default();
            if next.is_empty() { what } else { format!("{what}\nNext   {next}") }
        })
        .collect();
    texts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::RefusalKind,
        say::human::testing::{assert_fits, world},
    };

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

    #[test]
    fn refusals_say_what_next() {
        let list = [
            Refusal {
                kind: RefusalKind::MissingVoter,
                what: "master-3 (https://10.0.0.13:2379) does not answer: connection refused; \
                       a defragmentation now would leave one member in the quorum."
                    .into(),
                next: "start its etcd, or go on without it:\n\
                       etcd-rescue recover --endpoints https://10.0.0.11:2379 \
                       --allow-missing master-3"
                    .into(),
            },
            Refusal { kind: RefusalKind::Corrupt, what: "CORRUPT.".into(), next: String::new() },
        ];
        assert_eq!(
            refusals(&list, 80),
            "\
FAIL   master-3 (https://10.0.0.13:2379) does not answer: connection refused; a
       defragmentation now would leave one member in the quorum.
Next   start its etcd, or go on without it:
       etcd-rescue recover --endpoints https://10.0.0.11:2379 --allow-missing master-3

FAIL   CORRUPT."
        );
    }
}
