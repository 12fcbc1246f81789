//! Finding one's way in the tree: a node together with the way to it.

use super::{
    lines::Lines,
    tree::{Body, Node},
    unfit,
};
use crate::model::Unfit;

/// A node and the indices that lead to it from the root.
#[derive(Clone, Debug)]
pub(super) struct Spot<'a> {
    /// The node.
    pub(super) node: &'a Node,
    /// Indices of items and of pairs.
    pub(super) way: Vec<usize>,
}

impl<'a> Spot<'a> {
    /// The root of a tree.
    pub(super) fn root(node: &'a Node) -> Self {
        Self { node, way: Vec::new() }
    }

    /// Number of its line, from 1.
    pub(super) fn number(&self) -> usize {
        self.node.place.line + 1
    }

    /// The value under a key of a mapping; `None` when it is no mapping, or
    /// the key is not there.
    ///
    /// # Errors
    /// When the key is there twice.
    pub(super) fn key(&self, name: &str) -> Result<Option<Spot<'a>>, Unfit> {
        let Body::Map(pairs) = &self.node.body else { return Ok(None) };
        let mut found = pairs.iter().enumerate().filter(|(_, (key, _))| key.text() == Some(name));
        let Some((index, (key, value))) = found.next() else { return Ok(None) };
        if let Some((_, (again, _))) = found.next() {
            return Err(unfit(&format!(
                "`{name}` is there twice, in line {} and in line {}",
                key.place.line + 1,
                again.place.line + 1
            )));
        }
        Ok(Some(self.child(index, value)))
    }

    /// The text under a key; `None` when there is none.
    ///
    /// # Errors
    /// When the key is there twice.
    pub(super) fn word(&self, name: &str) -> Result<Option<&'a str>, Unfit> {
        Ok(self.key(name)?.and_then(|spot| spot.node.text()))
    }

    /// The items of a list; none when it is no list.
    pub(super) fn items(&self) -> Vec<Spot<'a>> {
        let Body::List(items) = &self.node.body else { return Vec::new() };
        items.iter().enumerate().map(|(index, item)| self.child(index, item)).collect()
    }

    /// The items of a list written with dashes, line by line.
    ///
    /// # Errors
    /// When it is written in brackets, or is no list.
    pub(super) fn dashed_items(&self, lines: &Lines, what: &str) -> Result<Vec<Spot<'a>>, Unfit> {
        let line = lines.get(self.node.place.line);
        let is_list = matches!(self.node.body, Body::List(_));
        match line.chars().nth(self.node.place.column) {
            _ if !is_list => Err(unfit(&format!("`{what}` in line {} is no list", self.number()))),
            Some('[') => Err(unfit(&format!(
                "`{what}` in line {} is written in brackets; only a list with one `- ` item a line \
                 is edited",
                self.number()
            ))),
            _ => Ok(self.items()),
        }
    }

    fn child(&self, index: usize, node: &'a Node) -> Spot<'a> {
        let way = self.way.iter().copied().chain([index]).collect();
        Spot { node, way }
    }
}
