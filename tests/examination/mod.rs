//! Reads an examination from text, line by line. Ages ("37m") count back from
//! the examination; counts by bucket are `UPPER-BOUND-IN-MS:COUNT`; times are
//! `COUNTxMILLISECONDS`.

mod cluster;
mod disks;
mod drives;
mod logs;

use etcd_rescue::model::{
    Bytes,
    diagnosis::{
        DiskBelow, Examined, Histogram, KernelEvents, Latencies, LogStory, ProbeRefusal, ProbeRun,
        Unseen,
    },
};

/// When every examination ends, nanoseconds since the epoch.
pub const AT: i64 = 1 << 60;

/// Words of a line: bare ones in order, and `key=value`.
pub struct Words<'a> {
    pub line: &'a str,
    bare: Vec<&'a str>,
    keyed: Vec<(&'a str, &'a str)>,
}

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Self {
        let (mut bare, mut keyed) = (Vec::new(), Vec::new());
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some(pair) => keyed.push(pair),
                None => bare.push(word),
            }
        }
        Self { line, bare, keyed }
    }

    /// The bare word at this place; the line's first word is at 0.
    pub fn at(&self, place: usize) -> &'a str {
        self.bare.get(place).unwrap_or_else(|| panic!("too short: {}", self.line))
    }

    pub fn from(&self, place: usize) -> &[&'a str] {
        self.bare.get(place..).unwrap_or_default()
    }

    /// The rest of the line from this bare word on, as it stands.
    pub fn rest(&self, place: usize) -> String {
        self.from(place).join(" ")
    }

    pub fn has(&self, word: &str) -> bool {
        self.bare.contains(&word)
    }

    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.keyed.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    pub fn all(&self, key: &str) -> Vec<&'a str> {
        self.keyed.iter().filter(|(known, _)| *known == key).map(|(_, value)| *value).collect()
    }

    pub fn number<N: std::str::FromStr>(&self, key: &str) -> Option<N> {
        let value = self.get(key)?;
        Some(value.parse().unwrap_or_else(|_| panic!("what is {value}? {}", self.line)))
    }

    /// With underscores for blanks.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(|value| value.replace('_', " "))
    }
}

/// The examination of a text.
pub fn read(text: &str) -> Examined {
    let mut examined = Examined { at: AT, ..Examined::default() };
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let words = Words::of(line);
        match words.at(0) {
            "member" | "alarm" | "started" | "pid" | "fsync" | "since-start" | "commit"
            | "reads" | "serializable" | "writes-through" | "counters" | "rtt" | "no-metrics"
            | "failed-reads" => cluster::read(&words, &mut examined),
            "data-dir" | "wal-dir" | "layer" | "disk" | "window" | "array" | "shares"
            | "writer" | "pressure" => disks::read(&words, below(&mut examined)),
            "drive" => examined.drives.push(drives::read(&words)),
            "kernel" | "kernel-lost" | "kernel-unreadable" => {
                logs::kernel(&words, examined.kernel.get_or_insert_with(KernelEvents::default));
            }
            "log" | "log-from" => {
                logs::sign(&words, examined.log.get_or_insert_with(LogStory::default));
            }
            "symptom" => examined.symptoms.push(logs::symptom(&words)),
            "probe" => examined.probe = Some(Ok(probe(&words))),
            "probe-refused" => examined.probe = Some(Err(ProbeRefusal { why: words.rest(1) })),
            "unseen" => examined.unseen.push(unseen(line)),
            other => panic!("what is `{other}`?"),
        }
    }
    cluster::agree(&mut examined);
    examined
}

fn below(examined: &mut Examined) -> &mut DiskBelow {
    examined.below.get_or_insert_with(DiskBelow::default)
}

/// `unseen WHAT | WHY | NEEDS`.
fn unseen(line: &str) -> Unseen {
    let mut parts =
        line.trim_start_matches("unseen ").split('|').map(|part| part.trim().to_owned());
    let mut part = || parts.next().unwrap_or_default();
    Unseen { what: part(), why: part(), needs: part() }
}

fn probe(words: &Words) -> ProbeRun {
    ProbeRun {
        directory: "/var/lib".into(),
        write_bytes: 2_300,
        syncs: times(words.from(1)),
        ended: "15 s".to_owned(),
        upper_estimate: true,
        ..ProbeRun::default()
    }
}

/// `40x2.1 1x900`.
pub fn times(words: &[&str]) -> Latencies {
    let mut millis = Vec::new();
    for word in words {
        let (count, ms) = word.split_once('x').unwrap_or_else(|| panic!("COUNTxMS: {word}"));
        let ms: f64 = ms.parse().expect("milliseconds");
        millis.extend(std::iter::repeat_n(ms, count.parse().expect("a count")));
    }
    Latencies { millis, ..Latencies::default() }
}

/// `4:20 512:3`, on etcd's bounds: `first` ms, doubled `count - 1` times.
pub fn histogram(words: &[&str], first: f64, count: i32) -> Histogram {
    let bounds: Vec<f64> = (0..count).map(|n| first * 2_f64.powi(n)).collect();
    let mut counts = vec![0_u64; bounds.len() + 1];
    let mut sum = 0.0;
    for word in words {
        let (upto, n) = word.split_once(':').unwrap_or_else(|| panic!("MS:COUNT: {word}"));
        let (upto, n): (f64, u64) = (upto.parse().expect("ms"), n.parse().expect("a count"));
        let at = bounds.iter().position(|bound| (bound - upto).abs() < 1e-9);
        counts[at.unwrap_or_else(|| panic!("no bound: {word}"))] += n;
        // As if all were in the middle of their bucket.
        sum += upto * 0.75 / 1_000.0 * n as f64;
    }
    let mut reached = 0;
    let cumulative = counts.iter().map(|n| {
        reached += n;
        reached
    });
    Histogram {
        cumulative: cumulative.collect(),
        bounds: bounds.iter().map(|ms| ms / 1_000.0).collect(),
        sum,
    }
}

/// "37m", "20h", "12s", "3d" as nanoseconds.
pub fn age(text: &str) -> i64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        other => panic!("what is the unit {other}?"),
    };
    number.parse::<i64>().expect("a number") * seconds * 1_000_000_000
}

/// "80G", "48M", "12K".
pub fn bytes(text: &str) -> Bytes {
    let (number, unit) = text.split_at(text.len() - 1);
    let shift = match unit {
        "K" => 10,
        "M" => 20,
        "G" => 30,
        other => panic!("what is the unit {other}?"),
    };
    Bytes(number.parse::<u64>().expect("a size") << shift)
}
