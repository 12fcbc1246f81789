//! One page of a tree and where its bytes are. Checks its header; what its
//! elements hold is `elements`'.

use std::ops::Deref;

use super::{
    damage::{Fault, shape},
    meta::{Meta, u16_at, u32_at, u64_at},
    windows::{Piece, Windows},
};

/// Header of a page, and of each element.
pub(super) const HEADER: u64 = 16;
/// `common.BranchPageFlag`, `common.LeafPageFlag`.
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
/// Stands for "more than fits" in a free list; a tree's pages have fewer.
const NO_COUNT: u16 = 0xFFFF;

/// What a page of a tree holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Branch,
    Leaf,
}

/// A page with its overflow pages, or the page inside a small bucket's value.
#[derive(Clone)]
pub(super) struct Page {
    /// Its number; an inline page has that of the page it is in.
    pub id: u64,
    pub kind: Kind,
    /// Elements.
    pub count: u64,
    /// Pages it takes in the file.
    pub pages: u64,
    /// Its bytes: where they begin in the file and how many there are.
    start: u64,
    pub length: u64,
    /// The first of them, at most a page.
    first: Piece,
}

/// Bytes of a page: in the part that is at hand, or elsewhere.
pub(super) enum Slice<'a> {
    Here(&'a [u8]),
    There(Piece),
}

impl Deref for Slice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Slice::Here(bytes) => bytes,
            Slice::There(piece) => piece,
        }
    }
}

impl Page {
    /// Reads the page of a number.
    ///
    /// # Errors
    /// It is not where a page can be, or no page of a tree.
    pub(super) fn read(windows: &mut Windows<'_>, meta: &Meta, id: u64) -> Result<Self, Fault> {
        if !(2..meta.high_water).contains(&id) {
            return shape("does not exist, and is pointed to");
        }
        let size = u64::from(meta.page_size);
        let first = windows.get(id * size, meta.page_size as usize)?;
        let overflow = u64::from(u32_at(&first, 12));
        match u64_at(&first, 0) {
            own if own == id => {}
            own if own < meta.high_water => return shape(format!("says that it is page {own}")),
            // No number of a page: perhaps a piece of a value, which is nobody's business.
            _ => return shape("does not begin as a page does"),
        }
        if overflow >= meta.high_water - id {
            return shape(format!("is followed by {overflow} pages, beyond the database's end"));
        }
        Self::new(id, 1 + overflow, id * size, (1 + overflow) * size, first)
    }

    /// The page that lies in a value, at `at` of its page's bytes.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn inline(
        &self,
        windows: &mut Windows<'_>,
        meta: &Meta,
        at: u64,
        length: u64,
    ) -> Result<Self, Fault> {
        let start = self.start + at;
        let first = windows.get(start, length.min(meta.page_size.into()) as usize)?;
        if length < HEADER || u64_at(&first, 0) != 0 || u32_at(&first, 12) != 0 {
            return shape("holds a small bucket without the header of one");
        }
        let page = Self::new(self.id, 0, start, length, first)?;
        if page.kind == Kind::Leaf { Ok(page) } else { shape("holds a small bucket that is none") }
    }

    fn new(id: u64, pages: u64, start: u64, length: u64, first: Piece) -> Result<Self, Fault> {
        let (flags, count) = (u16_at(&first, 8), u16_at(&first, 10));
        let kind = match flags {
            BRANCH => Kind::Branch,
            LEAF => Kind::Leaf,
            other => return shape(format!("is no page of keys (its flags are {other:#06x})")),
        };
        if count == NO_COUNT || HEADER + u64::from(count) * HEADER > length {
            return shape(format!("tells of {count} elements, which do not fit in it"));
        }
        if kind == Kind::Branch && count == 0 {
            return shape("leads nowhere: it has no elements");
        }
        Ok(Self { id, kind, count: count.into(), pages, start, length, first })
    }

    /// Bytes of it. They must be below [`Page::length`], and few.
    ///
    /// # Errors
    /// The disk does not give them.
    pub(super) fn bytes(
        &self,
        windows: &mut Windows<'_>,
        at: u64,
        length: usize,
    ) -> Result<Slice<'_>, Fault> {
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        match self.first.get(from..from.saturating_add(length)) {
            Some(bytes) => Ok(Slice::Here(bytes)),
            None => windows.get(self.start + at, length).map(Slice::There),
        }
    }

    /// How many bytes from an offset on are at hand.
    pub(super) fn at_hand(&self, at: u64) -> u64 {
        (self.first.len() as u64).saturating_sub(at)
    }
}
