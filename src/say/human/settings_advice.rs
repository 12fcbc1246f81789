//! What is configured and what should be: a table, and the reasons below.

use super::{Column, UNKNOWN, row, table, table_width};
use crate::{
    model::{Bytes, SettingAdvice},
    say::text::hang,
};

/// Every setting; where the values are too long for a table, one by one.
#[must_use]
pub fn settings_advice(settings: &[SettingAdvice], width: usize) -> String {
    let column = |title, cell: fn(&SettingAdvice) -> String| {
        Column::text(title, settings.iter().map(cell).collect())
    };
    let columns =
        [column("SETTING", |it| it.name.clone()), column("NOW", now), column("SHOULD BE", wanted)];
    let shown = if table_width(&columns) <= width {
        table(&columns, width)
    } else {
        settings.iter().map(|it| listed(it, width)).collect::<Vec<_>>().join("\n")
    };
    let reasons: Vec<String> = settings
        .iter()
        .filter(|it| !it.why.is_empty())
        .map(|it| hang("  ", &format!("{}: {}", it.name, it.why), width))
        .collect();
    if reasons.is_empty() { shown } else { format!("{shown}\n\n{}", reasons.join("\n")) }
}

fn listed(setting: &SettingAdvice, width: usize) -> String {
    let line =
        |label: &str, value: &str, source: &str| row(&format!("  {label}"), value, source, width);
    [
        setting.name.clone(),
        line("now", &now(setting), &setting.source),
        line("should be", &wanted(setting), ""),
    ]
    .join("\n")
}

fn now(setting: &SettingAdvice) -> String {
    match &setting.now {
        Some(value) => shown(&setting.name, value),
        // Unset, and etcd has nothing in its place.
        None if setting.source.starts_with("default") => "not set".to_owned(),
        None => UNKNOWN.to_owned(),
    }
}

fn wanted(setting: &SettingAdvice) -> String {
    setting.wanted.as_ref().map_or("fine".to_owned(), |value| shown(&setting.name, value))
}

/// Quotas also as people read them; the bare bytes stay, as the flag has them.
fn shown(name: &str, value: &str) -> String {
    match value.parse::<i64>() {
        Ok(bytes) if name == "quota-backend-bytes" => match u64::try_from(bytes) {
            Ok(0) => "0 (2.0 GiB)".to_owned(),
            Ok(bytes) => format!("{bytes} ({})", Bytes(bytes)),
            Err(_) => format!("{bytes} (off)"),
        },
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::human::testing::assert_fits;

    fn setting(name: &str, now: Option<&str>, wanted: Option<&str>, why: &str) -> SettingAdvice {
        SettingAdvice {
            name: name.to_owned(),
            now: now.map(str::to_owned),
            source: "default of etcd 3.5.15".to_owned(),
            wanted: wanted.map(str::to_owned),
            why: why.to_owned(),
            edit: None,
        }
    }

    #[test]
    fn a_table_and_its_reasons() {
        let text = settings_advice(
            &[
                setting("auto-compaction-retention", Some("0"), Some("1h"), "history grows"),
                setting("quota-backend-bytes", Some("2147483648"), None, ""),
                setting("listen-metrics-urls", None, None, ""),
            ],
            80,
        );
        assert_fits(&text, 80);
        assert_eq!(
            text,
            "\
SETTING                    NOW                   SHOULD BE
auto-compaction-retention  0                     1h
quota-backend-bytes        2147483648 (2.0 GiB)  fine
listen-metrics-urls        not set               fine

  auto-compaction-retention: history grows"
        );
    }

    #[test]
    fn long_values_stand_below_each_other() {
        let old = "/health?exclude=NOSPACE&serializable=true";
        let text = settings_advice(
            &[setting("liveness probe", Some(old), Some("/health?exclude=NOSPACE&more=1"), "w")],
            80,
        );
        assert_fits(&text, 80);
        assert_eq!(
            text,
            "\
liveness probe
  now        /health?exclude=NOSPACE&serializable=true [default of etcd 3.5.15]
  should be  /health?exclude=NOSPACE&more=1

  liveness probe: w"
        );
    }
}
