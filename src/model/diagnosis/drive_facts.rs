//! What a drive's answer means, free of vendors' quirks.

use serde::{Serialize, Serializer};

/// The life a drive has left, and whose word that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LifeLeft {
    /// Percent of the rated life; 0 when it is used up.
    pub percent: u8,
    /// "attribute 202 Percent_Lifetime_Remain, normalised value".
    pub source: String,
}

/// The facts a verdict needs; `None` = not known, never zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DriveFacts {
    /// The kernel's name.
    pub disk: String,
    /// What it is called ("Micron_5300_MTFDDAK960TDS, serial 1234").
    pub label: String,
    /// By what it is emulated: none of this clears a real drive then.
    pub emulated_by: Option<String>,
    /// Whether nothing turns.
    pub solid_state: Option<bool>,
    /// The firmware predicts its failure, in its own words.
    pub predicts_failure: Option<String>,
    /// Attributes at or below their threshold that mean failure soon, in
    /// words.
    pub failing_attributes: Vec<String>,
    /// Power-on hours.
    pub power_on_hours: Option<u64>,
    /// Life left.
    pub life_left: Option<LifeLeft>,
    /// Commands that timed out (188, or the standard's resets).
    pub command_timeouts: Option<u64>,
    /// Sectors replaced.
    pub reallocated: Option<u64>,
    /// Sectors to be replaced.
    pub pending: Option<u64>,
    /// Sectors lost, or errors reported as uncorrectable: the larger.
    pub uncorrectable: Option<u64>,
    /// Errors on the cable.
    pub crc_errors: Option<u64>,
    /// NVMe: media errors.
    pub media_errors: Option<u64>,
    /// NVMe: warnings in words, each with whether it is critical.
    #[serde(serialize_with = "warnings")]
    pub warnings: Vec<(String, bool)>,
    /// Minutes it was so hot that it slowed down.
    pub hot_minutes: Option<u64>,
    /// The link is slower than it could be, in words.
    pub slow_link: Option<String>,
    /// The last finished self-test found a fault, in words.
    pub failed_self_test: Option<String>,
    /// A self-test runs: percent left.
    pub self_test_left: Option<u8>,
}

/// Each with the names of its two parts.
fn warnings<S: Serializer>(warnings: &[(String, bool)], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Warning<'a> {
        text: &'a str,
        critical: bool,
    }
    let named = warnings.iter().map(|(text, critical)| Warning { text, critical: *critical });
    serializer.collect_seq(named)
}
