//! Laying out plain text: wrapping at a width, and taking out what a terminal
//! would act on. Pure.

/// Programs whose command lines are shown whole, so that they can be copied.
const PROGRAMS: [&str; 10] = [
    "etcd-rescue",
    "./etcd-rescue",
    "etcdctl",
    "etcdutl",
    "crictl",
    "kubectl",
    "kubeadm",
    "systemctl",
    "ssh",
    "scp",
];

/// `text` with every line that is too long wrapped at spaces, continued at
/// the line's own indentation. Command lines stay whole.
#[must_use]
pub fn wrap(text: &str, width: usize) -> String {
    // A command folded with backslashes goes on in the next line.
    let mut folded = false;
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let whole = folded || is_command(line) || line.ends_with('\\');
        lines.push(if whole { line.to_owned() } else { wrap_line(line, width) });
        folded = line.ends_with('\\');
    }
    lines.join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let body = line.trim_start();
    if !body.contains(' ') {
        // A path on a line of its own is there to be copied.
        return line.to_owned();
    }
    let indent = line.len() - body.len();
    hang(&line[..indent], body, width)
}

/// Whether this line is a command to copy.
#[must_use]
pub fn is_command(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let first = words.next().map(|word| if word == "sudo" || word == "$" { "" } else { word });
    let program = match first {
        Some("") => words.next(),
        other => other,
    };
    program.is_some_and(|program| PROGRAMS.contains(&program))
}

/// `body` wrapped at `width` behind `prefix`, continued below its beginning.
/// A word that fits on no line is broken, after a `/` or `,` when there is
/// one; a command in backquotes never is, so that it can be copied.
#[must_use]
pub fn hang(prefix: &str, body: &str, width: usize) -> String {
    let indent = prefix.chars().count();
    let room = width.saturating_sub(indent).max(10);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in words(body) {
        let mut word = word;
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(std::mem::take(&mut line));
        }
        while word.chars().count() > room && !word.starts_with('`') {
            let (head, tail) = word.split_at(break_at(word, room));
            lines.push(head.to_owned());
            word = tail;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    let joint = format!("\n{}", " ".repeat(indent));
    format!("{prefix}{}", lines.join(&joint)).trim_end().to_owned()
}

/// The words of `body`; a command in backquotes is one word.
fn words(body: &str) -> impl Iterator<Item = &str> {
    let mut rest = body.trim();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let quoted = rest.strip_prefix('`').and_then(|inner| inner.find('`')).map(|at| at + 2);
        let from = quoted.unwrap_or(0);
        let end = rest[from..].find(char::is_whitespace).map_or(rest.len(), |at| from + at);
        let (word, left) = rest.split_at(end);
        rest = left.trim_start();
        Some(word)
    })
}

/// Byte index at which a word longer than `room` characters is broken.
fn break_at(word: &str, room: usize) -> usize {
    let limit = word.char_indices().nth(room).map_or(word.len(), |(at, _)| at);
    match word[..limit].rfind(['/', ',']) {
        Some(at) if at > 0 => at + 1,
        _ => limit,
    }
}

/// `text` without control characters other than newline; what etcd, a log or
/// a member name brings along must not move the cursor. Tabs become spaces.
/// Without UTF-8 the usual typographic signs are spelt in ASCII and the rest
/// becomes `?`.
#[must_use]
pub fn clean(text: &str, utf8: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            c if c.is_control() || is_direction(c) => {}
            c if utf8 || c.is_ascii() => out.push(c),
            '→' => out.push_str("->"),
            '…' => out.push_str("..."),
            '–' | '—' | '−' => out.push('-'),
            '≥' => out.push_str(">="),
            '≤' => out.push_str("<="),
            '“' | '”' => out.push('"'),
            '‘' | '’' => out.push('\''),
            '\u{a0}' | '\u{202f}' => out.push(' '),
            _ => out.push('?'),
        }
    }
    out
}

/// Columns of a terminal that `text` takes: signs of East Asian scripts and
/// pictures take two, marks on the letter before them none (Unicode, UAX #11).
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Byte index behind as much of `text` as fits into so many columns.
#[must_use]
pub fn fitting(text: &str, most: usize) -> usize {
    let mut taken = 0;
    let too_far = text.char_indices().find(|(_, sign)| {
        taken += columns_of(*sign);
        taken > most
    });
    too_far.map_or(text.len(), |(at, _)| at)
}

fn columns_of(sign: char) -> usize {
    match sign {
        '\0'..='\u{2ff}' => 1,
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Marks that reorder what is printed after them.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_signs_take_two_columns_and_marks_none() {
        assert_eq!(columns("é→█e\u{301}"), 4);
        assert_eq!(columns("主机-1"), 6);
        assert_eq!([0, 1, 3, 4, 9].map(|most| fitting("主机-1", most)), [0, 0, 3, 6, 8]);
    }

    #[test]
    fn a_path_on_a_line_of_its_own_stays_whole() {
        let line = "        /var/lib/etcd-rescue/etcd-c1-master-1-rev1-20260301T041500.123Z.db";
        assert_eq!(wrap(line, 40), line);
    }

    #[test]
    fn a_command_in_backquotes_stays_whole() {
        let text = "then `etcd-rescue recover --endpoints https://10.0.0.11:2379 --yes`: it sees";
        let lines: Vec<String> = hang("Next   ", text, 40).lines().map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                "Next   then",
                "       `etcd-rescue recover --endpoints https://10.0.0.11:2379 --yes`:",
                "       it sees"
            ]
        );
        assert_eq!(words("a `b c`, d `e").collect::<Vec<_>>(), ["a", "`b c`,", "d", "`e"]);
    }

    #[test]
    fn wraps_prose_below_its_own_beginning() {
        assert_eq!(wrap("  one two three four", 12), "  one two\n  three four");
        assert_eq!(hang("WARN  ", "one two three", 14), "WARN  one two\n      three");
        assert_eq!(wrap("short", 12), "short");
        assert_eq!(wrap("", 12), "");
        assert_eq!(hang("OK    ", "", 12), "OK");
    }

    #[test]
    fn command_lines_stay_whole() {
        let command = "  etcd-rescue recover --endpoints https://10.0.0.11:2379 --yes";
        assert_eq!(wrap(command, 20), command);
        let sudo = "sudo crictl ps --name etcd --state running";
        assert_eq!(wrap(sudo, 20), sudo);
        let folded = "by hand  etcdctl snapshot save \\\n  /a/very/long/path/to/a/file.db";
        assert_eq!(wrap(folded, 20), folded);
    }

    #[test]
    fn long_paths_break_after_a_slash() {
        let path = "/var/log/pods/kube-system_etcd/etcd/0.log";
        assert_eq!(hang("", path, 30), "/var/log/pods/\nkube-system_etcd/etcd/0.log");
        assert_eq!(hang("", "abcdefghijklmno", 10), "abcdefghij\nklmno");
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(clean("a\u{1b}[2Jb\r\u{7}\tc\u{202e}d", true), "a[2Jb    cd");
        assert_eq!(clean("2 → 1 … ü", false), "2 -> 1 ... ?");
        assert_eq!(clean("2 → 1", true), "2 → 1");
    }
}
