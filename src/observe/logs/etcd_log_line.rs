//! One line of etcd's log: zap's JSON (3.5 and later), capnslog's text and
//! raft's own (3.4). Pure; any text is a line. What a line means is read
//! elsewhere.

use crate::model::Timestamp;

/// How what nobody should read would begin, in JSON taken apart and in Go's
/// quoted text: a request's value (3.4 and later write only its size,
/// "value_size:"), and the passwords and tokens of requests about users (etcd
/// api/etcdserverpb/raft_internal.proto, rpc.proto).
const SECRETS: [&str; 4] = ["value:\"", "value:\\\"", "password:", "token:"];

/// A line that has one of etcd's forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EtcdLine<'a> {
    text: &'a str,
    form: Form<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form<'a> {
    /// The whole line, whose end may be missing.
    Json,
    /// Time, and what follows the level or the package.
    Text { time: &'a str, message: &'a str },
}

impl<'a> EtcdLine<'a> {
    /// `None` for what has none of the forms: a stack trace, the second half
    /// of a line that was cut.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let form = if text.starts_with('{') {
            Form::Json
        } else {
            capnslog(text).or_else(|| raft(text))?
        };
        Some(Self { text, form })
    }

    /// The message, without what explains it in JSON.
    #[must_use]
    pub fn message(&self) -> String {
        match self.form {
            Form::Json => self.field("msg").unwrap_or_default(),
            Form::Text { message, .. } => message.to_owned(),
        }
    }

    /// A string of the JSON form. Inside a string every quote has a backslash,
    /// so `"name":"` stands nowhere but at a field, and a cut line is read as
    /// far as it goes.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        if self.form != Form::Json {
            return None;
        }
        let (_, rest) = self.text.split_once(&format!("\"{name}\":\""))?;
        Some(unescaped(rest))
    }

    /// The line as it stands.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Nanoseconds since the epoch by the line's own word; text has no zone
    /// and counts as UTC, which containers are in.
    #[must_use]
    pub fn own_time(&self) -> Option<i64> {
        let time = match self.form {
            Form::Json => return self.json_time(),
            Form::Text { time, .. } => time,
        };
        let (date, clock) = time.split_once(' ')?;
        nanoseconds(&format!("{}T{clock}Z", date.replace('/', "-")))
    }

    fn json_time(&self) -> Option<i64> {
        if let Some(time) = self.field("ts") {
            return nanoseconds(&time);
        }
        let (_, rest) = self.text.split_once("\"ts\":")?;
        let end = rest.find([',', '}'])?;
        let seconds: f64 = rest.get(..end)?.parse().ok()?;
        (seconds.is_finite() && seconds.abs() < 9e9).then_some((seconds * 1e9) as i64)
    }
}

/// An RFC 3339 time as nanoseconds since the epoch.
#[must_use]
pub fn nanoseconds(time: &str) -> Option<i64> {
    time.parse().ok().map(Timestamp::as_nanosecond)
}

/// `2026-11-23 12:39:52.368488 W | wal: sync duration of …`
fn capnslog(text: &str) -> Option<Form<'_>> {
    let (head, rest) = text.split_once(" | ")?;
    let (time, level) = head.rsplit_once(' ')?;
    let known = matches!(level, "C" | "E" | "W" | "N" | "I" | "D" | "T");
    let timed = time.len() >= 19 && time.starts_with(|c: char| c.is_ascii_digit());
    let message = rest.split_once(": ").map_or(rest, |(_, message)| message);
    (known && timed).then_some(Form::Text { time, message })
}

/// `raft2026/11/23 12:40:28 INFO: raft.node: … lost leader …`
fn raft(text: &str) -> Option<Form<'_>> {
    let rest = text.strip_prefix("raft")?;
    let (time, rest) = rest.split_at_checked("2026/11/23 12:40:28".len())?;
    let (level, message) = rest.strip_prefix(' ')?.split_once(": ")?;
    let known = matches!(level, "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL" | "PANIC");
    known.then_some(Form::Text { time, message })
}

/// A JSON string up to its closing quote or the end of the line.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    out.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                Some(other) => out.push(other),
                None => break,
            },
            c => out.push(c),
        }
    }
    out
}

/// At most `width` characters of one line, printable, without a URL's user and
/// password, and nothing behind a secret's beginning.
#[must_use]
pub fn shortened(text: &str, width: usize) -> String {
    let secret = SECRETS.iter().filter_map(|secret| text.find(secret)).min();
    let text = without_logins(secret.and_then(|at| text.get(..at)).unwrap_or(text));
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut chars =
        printable.filter(|c| !matches!(c, '\u{200e}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    let kept: String = chars.by_ref().take(width).collect();
    let kept = kept.trim_end();
    if chars.next().is_some() { format!("{kept}...") } else { kept.to_owned() }
}

/// `scheme://user:password@host` as `scheme://host`.
fn without_logins(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '"' | '?' | '#');
        let authority = piece.find(ends).and_then(|at| piece.get(..at)).unwrap_or(piece);
        let login = authority.rfind('@').map_or(0, |at| at + 1);
        kept.push_str("://");
        kept.push_str(piece.get(login..).unwrap_or_default());
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> EtcdLine<'_> {
        EtcdLine::parse(text).unwrap_or_else(|| panic!("no line: {text}"))
    }

    #[test]
    fn the_three_forms_are_read() {
        let json = parsed(
            r#"{"level":"warn","ts":"2026-11-23T12:39:52.428026Z","caller":"wal/wal.go:805","msg":"slow fdatasync","took":"1.2s","expected-duration":"1s"}"#,
        );
        assert_eq!(json.message(), "slow fdatasync");
        assert_eq!(json.field("took").as_deref(), Some("1.2s"));
        assert_eq!(json.field("none"), None);
        let text = parsed(
            "2026-11-23 12:39:52.428026 W | wal: sync duration of 1.2006366s, expected less than 1s",
        );
        assert_eq!(text.message(), "sync duration of 1.2006366s, expected less than 1s");
        assert_eq!(text.own_time(), json.own_time());
        let raft = parsed("raft2026/11/23 12:40:28 INFO: raft.node: a lost leader b at term 3");
        assert_eq!(raft.message(), "raft.node: a lost leader b at term 3");
        assert_eq!(raft.own_time(), nanoseconds("2026-11-23T12:40:28Z"));
        for other in ["", "goroutine 1 [running]:", "a | b", "raft", "raft2026/11/23 12:40:28"] {
            assert_eq!(EtcdLine::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_cut_line_is_read_as_far_as_it_goes() {
        let cut = parsed(
            r#"{"level":"warn","ts":"2026-11-23T12:39:52Z","msg":"apply request took too long","took":"1.2s","request":"key:\"/registry/po"#,
        );
        assert_eq!(cut.message(), "apply request took too long");
        assert_eq!(cut.field("request").as_deref(), Some("key:\"/registry/po"));
    }

    #[test]
    fn other_writings_of_the_time_are_read() {
        let expected = nanoseconds("2026-11-23T12:39:52.5Z");
        assert_eq!(parsed(r#"{"ts":"2026-11-23T13:39:52.500+0100"}"#).own_time(), expected);
        assert_eq!(parsed(r#"{"ts":1795437592.5,"msg":"x"}"#).own_time(), expected);
        assert_eq!(parsed(r#"{"ts":"soon"}"#).own_time(), None);
    }

    #[test]
    fn a_field_is_not_looked_for_inside_another() {
        let line = parsed(r#"{"request":"put:<key:\"took\":\"9s\">","took":"2s"}"#);
        assert_eq!(line.field("took").as_deref(), Some("2s"));
    }

    #[test]
    fn no_value_and_no_control_character_is_shown() {
        let secret = "request \"put:<key:\"a\" value:\"hunter2\" >\" took";
        assert_eq!(shortened(secret, 200), "request \"put:<key:\"a\"");
        for secret in [
            r#"auth_user_add:<name:"root" password:"hunter2" >"#,
            r#"auth_user_add:<name:\"root\" hashed_password:\"hunter2\" >"#,
            r#"authenticate:<name:root simple_token:hunter2>"#,
            "dial https://root:hunter2@10.0.0.1:2379: timed out",
        ] {
            let shown = shortened(secret, 200);
            assert!(!shown.contains("hunter2") && shown.len() > 20, "{shown}");
        }
        let plain = "dial https://10.0.0.1:2379/a@b http://[::1]: no";
        assert_eq!(shortened(plain, 200), plain);
        assert_eq!(shortened("a\u{1b}[2Jb\u{202e}c", 200), "a [2Jbc");
        assert_eq!(shortened("abcdef", 3), "abc...");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,80}", json in r#"[{"a-z:,\\u0-9}]{0,60}"#) {
            for text in [&text, &json, &format!("raft{text}"), &format!("{{\"ts\":\"{text}")] {
                if let Some(line) = EtcdLine::parse(text) {
                    let _ = (line.message(), line.own_time(), line.field("msg"));
                }
                assert!(shortened(text, 10).chars().count() <= 13);
            }
        }
    }
}
