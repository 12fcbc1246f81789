//! The elements of one page: where their keys and values are, and whether all
//! of that is within the page and in order.

use super::{
    damage::{Fault, shape},
    meta::{u32_at, u64_at},
    page::{HEADER, Kind, Page, Slice},
    walked::Record,
    windows::Windows,
};

/// bbolt's `MaxKeySize`.
const LONGEST_KEY: u64 = 32768;
/// What is read of a value that is longer than what is at hand: an etcd key,
/// and some.
const HEAD: u64 = 2048;
/// What is read of a value's end.
const TAIL: u64 = 16;

/// Between which keys those of a page have to be: from `low`, below `high`.
#[derive(Clone, Copy, Default)]
pub(super) struct Bounds<'a> {
    pub low: Option<&'a [u8]>,
    pub high: Option<&'a [u8]>,
}

/// One element's place in its page.
#[derive(Clone, Copy)]
pub(super) struct Element {
    /// The element is a bucket (leaf pages).
    pub is_bucket: bool,
    /// The page below (branch pages).
    pub child: u64,
    key_at: u64,
    key_len: u64,
    /// Bytes of the value (leaf pages).
    pub value_len: u64,
}

impl Element {
    /// Where its value begins, in its page.
    pub(super) fn value_at(&self) -> u64 {
        self.key_at + self.key_len
    }

    fn end(&self) -> u64 {
        self.value_at() + self.value_len
    }
}

impl Page {
    /// The element of an index below [`Page::count`].
    ///
    /// # Errors
    /// It does not lie within the page.
    pub(super) fn element(&self, windows: &mut Windows<'_>, index: u64) -> Result<Element, Fault> {
        let at = HEADER + index * HEADER;
        let raw = self.bytes(windows, at, HEADER as usize)?;
        let number = |at| u64::from(u32_at(&raw, at));
        let (flags, key_at, element) = match self.kind {
            Kind::Leaf => (number(0), at + number(4), (number(8), number(12), 0)),
            Kind::Branch => (0, at + number(0), (number(4), 0, u64_at(&raw, 8))),
        };
        let (key_len, value_len, child) = element;
        let element = Element { is_bucket: flags == 1, child, key_at, key_len, value_len };
        if flags > 1 {
            shape(format!("has an element of an unknown kind ({flags:#x})"))
        } else if key_at < HEADER + self.count * HEADER || element.end() > self.length {
            shape("has an element that does not lie in it")
        } else if key_len == 0 || key_len > LONGEST_KEY {
            shape(format!("has a key of {key_len} bytes"))
        } else if element.is_bucket && value_len < HEADER {
            shape("has a bucket that is too short to be one")
        } else {
            Ok(element)
        }
    }

    /// The element's key.
    ///
    /// # Errors
    /// The disk does not give it.
    pub(super) fn key(
        &self,
        windows: &mut Windows<'_>,
        element: &Element,
    ) -> Result<Slice<'_>, Fault> {
        self.bytes(windows, element.key_at, element.key_len as usize)
    }

    /// Hands the element out.
    ///
    /// # Errors
    /// The disk does not give its key, or the value's beginning or end.
    pub(super) fn with_record<T>(
        &self,
        windows: &mut Windows<'_>,
        element: &Element,
        visit: impl FnOnce(Record<'_>) -> T,
    ) -> Result<T, Fault> {
        let (at, length) = (element.value_at(), element.value_len);
        let key = self.key(windows, element)?;
        let head = length.min(HEAD.max(self.at_hand(at)));
        let head = self.bytes(windows, at, head as usize)?;
        let tail = length.min(TAIL);
        let tail = self.bytes(windows, element.end() - tail, tail as usize)?;
        Ok(visit(Record { key: &key, head: &head, tail: &tail, value_len: length }))
    }

    /// Whether all elements lie within the page one behind the other, with keys
    /// in order and within the bounds. What overlaps could cost any time.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(super) fn check(&self, windows: &mut Windows<'_>, bounds: Bounds<'_>) -> Result<(), Fault> {
        let mut before: Option<(Slice<'_>, u64)> = None;
        for index in 0..self.count {
            let element = self.element(windows, index)?;
            let key = self.key(windows, &element)?;
            let ordered = match &before {
                Some((before, _)) => **before < *key,
                None => bounds.low.is_none_or(|low| low <= &*key),
            };
            if !ordered {
                return shape("has keys that are not in order");
            }
            if before.is_some_and(|(_, end)| element.key_at < end) {
                return shape("has elements that lie one over the other");
            }
            before = Some((key, element.end()));
        }
        match (&before, bounds.high) {
            (Some((last, _)), Some(high)) if **last >= *high => {
                shape("has keys that belong behind it")
            }
            _ => Ok(()),
        }
    }
}
