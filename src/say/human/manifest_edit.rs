//! The difference between two manifests, in the style of `diff -u`: ASCII
//! marks, numbered. Lines are never wrapped: what is shown is what is written.

use crate::model::{DiffKind, DiffLine};

/// The differing lines with those around them; "..." where some are left out.
#[must_use]
pub fn difference(lines: &[DiffLine]) -> String {
    let texts: Vec<String> = difference_lines(lines).into_iter().map(|(_, text)| text).collect();
    texts.join("\n")
}

/// The same line by line, with the kind of each for colours.
pub(crate) fn difference_lines(lines: &[DiffLine]) -> Vec<(DiffKind, String)> {
    let digits = lines.iter().map(|line| line.number).max().unwrap_or(0).to_string().len();
    let mut shown = Vec::new();
    let mut next_old = None;
    for line in lines {
        // Added lines are numbered by the new text.
        if line.kind != DiffKind::Added {
            if next_old.is_some_and(|next| line.number > next) {
                shown.push((DiffKind::Same, format!("  {}", ".".repeat(digits.max(3)))));
            }
            next_old = Some(line.number + 1);
        }
        let mark = match line.kind {
            DiffKind::Same => ' ',
            DiffKind::Removed => '-',
            DiffKind::Added => '+',
        };
        let text = format!("  {:>digits$} {mark} {}", line.number, line.text);
        shown.push((line.kind, text.trim_end().to_owned()));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::human::testing::assert_fits;

    #[test]
    fn what_goes_and_what_comes_stand_between_their_neighbours() {
        let line = |kind, number, text: &str| DiffLine { kind, number, text: text.to_owned() };
        use DiffKind::{Added, Removed, Same};
        let text = difference(&[
            line(Same, 15, "    - etcd"),
            line(Added, 16, "    - --auto-compaction-mode=periodic"),
            line(Same, 16, "    - --cert-file=/s.crt"),
            line(Same, 17, ""),
            line(Same, 103, "      httpGet:"),
            line(Removed, 104, "        path: /health"),
            line(Added, 105, "        path: /livez"),
        ]);
        assert_fits(&text, 80);
        assert_eq!(
            text,
            "   15       - etcd
   16 +     - --auto-compaction-mode=periodic
   16       - --cert-file=/s.crt
   17
  ...
  103         httpGet:
  104 -         path: /health
  105 +         path: /livez"
        );
        assert_eq!(difference(&[]), "");
    }
}
