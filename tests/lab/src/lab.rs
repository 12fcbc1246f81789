//! A whole lab: raising it, handing out its masters, taking it down.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{
    Master, Spec,
    fill::{self, Fill, FillReport, Until},
    site::{self, Site},
    sweep,
};

/// How long a cluster may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running lab.
#[derive(Debug)]
pub struct Lab {
    pub(crate) site: Site,
    pub(crate) spec: Spec,
    pub(crate) masters: Vec<Master>,
    /// Whether dropping the value takes the lab down.
    owned: bool,
}

impl Lab {
    /// Raises a lab and returns when etcdctl calls every member healthy. Dropping
    /// the value takes it down; [`Lab::keep`] prevents that.
    pub fn up(spec: Spec) -> Result<Self> {
        spec.check()?;
        let site = Site { dir: site::lab(&spec.name) };
        ensure!(
            !site.dir.exists(),
            "a lab called {} is there already; take it down first",
            spec.name
        );
        // From here on a failure has something to clean up.
        let lab = Self { masters: masters(&site, &spec), site, spec, owned: true };
        lab.prepare()?;
        lab.masters.iter().try_for_each(Master::power_on)?;
        lab.wait_healthy(PATIENCE).with_context(|| lab.last_words())?;
        lab.wait_started().with_context(|| lab.last_words())?;
        lab.wait_booted(PATIENCE).with_context(|| lab.last_words())?;
        Ok(lab)
    }

    /// A lab that is up already. Dropping the value leaves it up.
    pub fn open(name: &str) -> Result<Self> {
        let site = Site { dir: site::lab(name) };
        let text =
            fs::read(site.spec()).with_context(|| format!("there is no lab called {name}"))?;
        let spec: Spec = serde_json::from_slice(&text)?;
        Ok(Self { masters: masters(&site, &spec), site, spec, owned: false })
    }

    /// Leaves the lab up when the value is dropped.
    pub fn keep(&mut self) {
        self.owned = false;
    }

    /// Takes everything down. Nothing of the lab is left on the machine.
    pub fn down(mut self) -> Result<()> {
        self.owned = false;
        sweep::sweep(&self.site.dir)
    }

    /// What it was made from.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The masters, in order.
    pub fn masters(&self) -> &[Master] {
        &self.masters
    }

    /// The master of that name.
    ///
    /// # Panics
    /// When there is none.
    pub fn master(&self, name: &str) -> &Master {
        self.find(name).unwrap_or_else(|| panic!("the lab has no master called {name}"))
    }

    /// The master of that name, if there is one.
    pub fn find(&self, name: &str) -> Option<&Master> {
        self.masters.iter().find(|master| master.name() == name)
    }

    /// Writes until `until`. For [`Until::Alarm`] that means: until etcd itself
    /// refuses a write and shows the alarm.
    pub fn fill(&self, pattern: Fill, until: Until) -> Result<FillReport> {
        fill::fill(self, pattern, until)
    }

    /// Raises a CORRUPT alarm for that master's member.
    pub fn raise_corrupt(&self, master: &Master) -> Result<()> {
        fill::raise_corrupt(self, master)
    }

    /// The ends of the masters' logs, for the person who reads the failure.
    fn last_words(&self) -> String {
        let mut text = "the lab does not come up".to_owned();
        for master in &self.masters {
            for log in ["init.log", "kubelet.log"] {
                let path = self.site.master(master.name()).join(log);
                let lines = fs::read_to_string(&path).unwrap_or_default();
                let tail: Vec<_> = lines.lines().rev().take(5).collect();
                for line in tail.iter().rev() {
                    text += &format!("\n  {} {log}: {line}", master.name());
                }
            }
        }
        text
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.owned
            && let Err(error) = sweep::sweep(&self.site.dir)
        {
            eprintln!("lab {}: {error:#}", self.spec.name);
        }
    }
}

fn masters(site: &Site, spec: &Spec) -> Vec<Master> {
    spec.masters.iter().enumerate().map(|(i, master)| Master::new(site, i, master)).collect()
}
