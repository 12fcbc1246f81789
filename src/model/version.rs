//! An etcd release number, comparable.

use std::{fmt, str::FromStr};

/// `major.minor.patch` of an etcd server; a suffix such as `-rc.0` is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EtcdVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl EtcdVersion {
    /// A release number from its parts.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl FromStr for EtcdVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim().trim_start_matches('v');
        let core = text.split(['-', '+']).next().unwrap_or(text);
        let mut parts = core.split('.').map(|part| part.parse::<u32>().map_err(drop));
        let mut next = || parts.next().unwrap_or(Err(()));
        let version = Self::new(next()?, next()?, next()?);
        if parts.next().is_some() { Err(()) } else { Ok(version) }
    }
}

impl fmt::Display for EtcdVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::EtcdVersion;

    #[test]
    fn reads_release_numbers_and_nothing_else() {
        assert_eq!("3.5.16".parse(), Ok(EtcdVersion::new(3, 5, 16)));
        assert_eq!("v3.6.0-rc.2".parse(), Ok(EtcdVersion::new(3, 6, 0)));
        assert_eq!("3.4.0+git".parse(), Ok(EtcdVersion::new(3, 4, 0)));
        for bad in ["", "3", "3.5", "3.5.x", "3.5.1.2", "etcd"] {
            assert_eq!(bad.parse::<EtcdVersion>(), Err(()), "{bad}");
        }
        assert!(EtcdVersion::new(3, 5, 9) < EtcdVersion::new(3, 5, 16));
    }
}
