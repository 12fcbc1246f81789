//! Walks trees of pages from the last key to the first. A part that is damaged
//! is left out and remembered; no page is entered twice.

use std::{fs::File, ops::ControlFlow};

use super::{
    damage::{Damage, Fault, shape},
    elements::{Bounds, Element},
    meta::{Meta, u64_at},
    page::{HEADER, Kind, Page},
    seen::Seen,
    windows::Windows,
};

/// Levels of a tree; one of etcd's largest has 5.
const DEEPEST: u32 = 32;

/// The trees of one file, on one walk.
pub(super) struct Tree<'a> {
    pub windows: Windows<'a>,
    pub damage: Damage,
    /// Pages entered, with their overflow pages.
    pub pages: u64,
    meta: Meta,
    seen: Seen,
    /// Where this tree's leaves are, in levels left.
    leaves_at: Option<u32>,
}

/// Gets each element of a leaf page.
pub(super) type Visit<'v> =
    dyn FnMut(&mut Windows<'_>, &Page, &Element) -> Result<ControlFlow<()>, Fault> + 'v;

impl<'a> Tree<'a> {
    pub(super) fn new(file: &'a File, meta: Meta) -> Self {
        let end = meta.high_water * u64::from(meta.page_size);
        let windows = Windows::new(file, end);
        let seen = Seen::new(meta.high_water);
        Self { windows, damage: Damage::default(), pages: 0, meta, seen, leaves_at: None }
    }

    /// The page of the tree of buckets.
    pub(super) fn root(&self) -> u64 {
        self.meta.root
    }

    /// Reads a page and checks all of it but the values.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(super) fn enter(&mut self, id: u64, bounds: Bounds<'_>) -> Result<Page, Fault> {
        let page = Page::read(&mut self.windows, &self.meta, id)?;
        if self.seen.mark(id..id + page.pages).is_some() {
            return shape("is pointed to twice");
        }
        page.check(&mut self.windows, bounds)?;
        self.pages += page.pages;
        Ok(page)
    }

    /// The first page of a bucket, by the element that tells of it.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(super) fn bucket(&mut self, page: &Page, element: &Element) -> Result<Page, Fault> {
        let at = element.value_at();
        let root = u64_at(&page.bytes(&mut self.windows, at, HEADER as usize)?, 0);
        if root != 0 {
            return self.enter(root, Bounds::default());
        }
        let length = element.value_len - HEADER;
        let inline = page.inline(&mut self.windows, &self.meta, at + HEADER, length)?;
        inline.check(&mut self.windows, Bounds::default())?;
        Ok(inline)
    }

    /// Visits what is below a page and in it, the last key first.
    pub(super) fn walk(&mut self, page: &Page, visit: &mut Visit<'_>) -> ControlFlow<()> {
        self.leaves_at = None;
        self.level(page, Bounds::default(), DEEPEST, visit)
    }

    fn level(
        &mut self,
        page: &Page,
        bounds: Bounds<'_>,
        levels: u32,
        visit: &mut Visit<'_>,
    ) -> ControlFlow<()> {
        match page.kind {
            Kind::Leaf => {
                self.judge_level(page, levels)?;
                self.leaf(page, visit)
            }
            Kind::Branch => self.branch(page, bounds, levels, visit),
        }
    }

    /// All leaves of a tree are on one level. What is on another is right in
    /// itself, so it is read; but what was between is lost.
    fn judge_level(&mut self, page: &Page, levels: u32) -> ControlFlow<()> {
        if *self.leaves_at.get_or_insert(levels) == levels {
            return ControlFlow::Continue(());
        }
        self.leaves_at = Some(levels);
        let text = "is on another level than the pages before it, so that some are missing";
        self.leave_out(page.id, &Fault::Shape(text.to_owned()))
    }

    fn leaf(&mut self, page: &Page, visit: &mut Visit<'_>) -> ControlFlow<()> {
        for index in (0..page.count).rev() {
            let element = page.element(&mut self.windows, index);
            match element.and_then(|element| visit(&mut self.windows, page, &element)) {
                Ok(flow) => flow?,
                Err(fault) => self.leave_out(page.id, &fault)?,
            }
        }
        ControlFlow::Continue(())
    }

    fn branch(
        &mut self,
        page: &Page,
        bounds: Bounds<'_>,
        levels: u32,
        visit: &mut Visit<'_>,
    ) -> ControlFlow<()> {
        let mut next = None;
        for index in (0..page.count).rev() {
            let read = page.element(&mut self.windows, index);
            let read = read.and_then(|one| Ok((one, page.key(&mut self.windows, &one)?)));
            let (element, key) = match read {
                Ok(read) => read,
                Err(fault) => {
                    self.leave_out(page.id, &fault)?;
                    continue;
                }
            };
            let within = Bounds { low: Some(&*key), high: next.as_deref().or(bounds.high) };
            match self.below(element.child, within, levels) {
                Ok(child) => self.level(&child, within, levels - 1, visit)?,
                Err(fault) => self.leave_out(element.child, &fault)?,
            }
            next = Some(key);
        }
        ControlFlow::Continue(())
    }

    fn below(&mut self, id: u64, within: Bounds<'_>, levels: u32) -> Result<Page, Fault> {
        if levels == 0 {
            return shape("is too deep in the tree");
        }
        let page = self.enter(id, within)?;
        // bbolt takes an empty page out of its branch.
        if page.count == 0 { shape("is empty, and should not be there then") } else { Ok(page) }
    }

    fn leave_out(&mut self, page: u64, fault: &Fault) -> ControlFlow<()> {
        self.damage.add(page, fault);
        if self.damage.is_enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
