//! etcd's alarms and the text form in which `Status.errors` carries them.

use std::fmt;

use super::MemberId;

/// What an alarm says. Numbers: `etcdserverpb.AlarmType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// The database passed its quota; writes are refused.
    NoSpace,
    /// Members disagree about the data. Nothing here may touch it.
    Corrupt,
    /// An alarm this release does not know; treated like `Corrupt`.
    Unknown,
}

impl fmt::Display for AlarmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSpace => "NOSPACE",
            Self::Corrupt => "CORRUPT",
            Self::Unknown => "UNKNOWN",
        })
    }
}

/// One raised alarm. The member is the one that raised it first, which need
/// not be the one that is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    /// Who raised it; 0 for a CORRUPT alarm with an unknown culprit.
    pub member: MemberId,
    /// What it says.
    pub kind: AlarmKind,
}

impl Alarm {
    /// Reads one entry of `Status.errors`: `memberID:<decimal> alarm:NOSPACE `
    /// (text form of `AlarmMember`, etcd 3.4-3.6). `None` for other errors
    /// such as "etcdserver: no leader". An entry without `memberID` is 0 and
    /// one without `alarm` is NONE, as protobuf's text form leaves zeros out.
    #[must_use]
    pub fn from_status_error(text: &str) -> Option<Alarm> {
        let mut member = None;
        let mut kind = None;
        for word in text.split_whitespace() {
            if let Some(id) = word.strip_prefix("memberID:") {
                member = id.parse().ok();
            } else if let Some(name) = word.strip_prefix("alarm:") {
                kind = Some(match name {
                    "NOSPACE" => AlarmKind::NoSpace,
                    "CORRUPT" => AlarmKind::Corrupt,
                    _ => AlarmKind::Unknown,
                });
            } else {
                return None;
            }
        }
        Some(Alarm { member: MemberId(member.unwrap_or(0)), kind: kind? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_text_form_of_status_errors() {
        let alarm = Alarm::from_status_error("memberID:17628310501313495538 alarm:NOSPACE ");
        assert_eq!(
            alarm,
            Some(Alarm { member: MemberId(17_628_310_501_313_495_538), kind: AlarmKind::NoSpace })
        );
        let corrupt = Alarm::from_status_error("alarm:CORRUPT ").map(|a| (a.member.0, a.kind));
        assert_eq!(corrupt, Some((0, AlarmKind::Corrupt)));
        let newer = Alarm::from_status_error("memberID:5 alarm:3").map(|a| a.kind);
        assert_eq!(newer, Some(AlarmKind::Unknown));
        assert_eq!(Alarm::from_status_error("etcdserver: no leader"), None);
        assert_eq!(Alarm::from_status_error(""), None);
    }
}
