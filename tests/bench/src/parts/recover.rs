//! The main part: all contenders before the same outage, by turns.

use anyhow::Result;
use serde_json::json;

use super::{Bench, progress};
use crate::{
    comparison::Comparison,
    contender::Contender,
    outage::{Load, Outage},
    run::{Run, run},
    table::seconds,
};

impl Bench {
    /// One outage, every contender, so many rounds.
    pub(super) fn recover(&mut self, outage: &Outage, rounds: usize) -> Result<()> {
        let (name, etcd) = (outage.name(), &outage.etcd);
        let heading = format!("Recovery: {name}, {etcd}, {rounds} round(s)");
        let key = format!("recover {name}");
        if let Some(why) = outage.no_room()? {
            return self.tell(&key, &heading, &format!("Left out: {why}."), json!(null));
        }
        let (missing, able): (Vec<_>, Vec<_>) = self
            .cli
            .contenders()
            .into_iter()
            .partition(|contender| contender.missing(&self.tools).is_some());
        let mut runs = Vec::new();
        for round in 0..rounds {
            for turn in 0..able.len() {
                // Another one begins each round.
                runs.push(self.once(outage, able[(round + turn) % able.len()], round)?);
            }
        }
        let with_reason = |who: Contender| Some((who, who.missing(&self.tools)?));
        let missing: Vec<_> = missing.into_iter().filter_map(with_reason).collect();
        let absent: Vec<_> = missing.iter().map(|(who, why)| json!([who.letter(), why])).collect();
        let data = json!({ "outage": name, "rounds": rounds, "runs": runs, "missing": absent });
        let live_heavy = outage.load == Load::LiveHeavy;
        let text = Comparison { runs, missing, live_heavy }.text();
        self.tell(&key, &heading, &text, data)
    }

    /// One run, with a line about it.
    pub(super) fn once(&self, outage: &Outage, contender: Contender, round: usize) -> Result<Run> {
        let (name, letter) = (outage.name(), contender.letter());
        progress(&format!("{name}: {letter}, round {}: raising and filling", round + 1));
        let run = run(outage, contender, round, &self.tools, &self.scratch)?;
        let first = run.first_write_ms.map_or_else(|| "never".to_owned(), seconds);
        let failures = run.failures().join(", ");
        let outcome = if failures.is_empty() { "well" } else { &failures };
        let total = seconds(run.total_ms);
        progress(&format!("{letter}: first write after {first} s, total {total} s, {outcome}"));
        Ok(run)
    }
}
