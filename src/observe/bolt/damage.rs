//! What was wrong with a part of the tree, and the sum of it.

use std::io;

use thiserror::Error;

/// Why a page or an element is left out.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// The disk's word.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is there and makes no sense.
    #[error("{0}")]
    Shape(String),
}

/// A fault of shape.
pub(super) fn shape<T>(text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Shape(text.into()))
}

/// How many places are named.
const NAMED: usize = 3;
/// After so many places that cannot be read the disk is left alone: each may
/// have cost it a minute.
const UNREADABLE: u64 = 64;

/// All faults of one walk.
#[derive(Default)]
pub(super) struct Damage {
    places: u64,
    unreadable: u64,
    named: Vec<String>,
}

impl Damage {
    /// One more, at a page.
    pub(super) fn add(&mut self, page: u64, fault: &Fault) {
        self.places += 1;
        self.unreadable += u64::from(matches!(fault, Fault::Read(_)));
        if self.named.len() < NAMED {
            self.named.push(format!("page {page} {fault}"));
        }
    }

    /// Whether reading on would only torture the disk.
    pub(super) fn is_enough(&self) -> bool {
        self.unreadable >= UNREADABLE
    }

    /// Places so far.
    pub(super) fn places(&self) -> u64 {
        self.places
    }

    /// One sentence, without a full stop.
    pub(super) fn sentence(&self) -> Option<String> {
        let more = self.places - self.named.len() as u64;
        let mut text = match self.places {
            0 => return None,
            1 => "1 place is damaged and left out: ".to_owned(),
            places => format!("{places} places are damaged and left out: "),
        };
        text.push_str(&self.named.join("; "));
        if more > 0 {
            text.push_str(&format!("; and {more} more"));
        }
        if self.is_enough() {
            text.push_str("; the rest was not tried, as the disk does not give it");
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_places_are_counted_and_few_named() {
        let mut damage = Damage::default();
        assert_eq!(damage.sentence(), None);
        (2..7).for_each(|page| damage.add(page, &Fault::Shape("is odd".to_owned())));
        let told = "5 places are damaged and left out: \
                    page 2 is odd; page 3 is odd; page 4 is odd; and 2 more";
        assert_eq!(damage.sentence().as_deref(), Some(told));
    }

    #[test]
    fn a_dying_disk_is_left_alone() {
        let mut damage = Damage::default();
        for page in 0..UNREADABLE {
            assert!(!damage.is_enough());
            damage.add(page, &Fault::Read(io::ErrorKind::Other.into()));
        }
        assert!(damage.is_enough());
        assert!(damage.sentence().is_some_and(|text| text.contains("the rest was not tried")));
    }
}
