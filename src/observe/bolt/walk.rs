//! The walk through one bucket: finds it in the tree of buckets, and visits its
//! elements.

use std::ops::ControlFlow::{self, Break, Continue};

use super::{
    BoltError, Record, Walked,
    damage::shape,
    elements::{Bounds, Element},
    page::Page,
    tree::Tree,
};

/// See [`super::BoltFile::walk_back`]; does not see whether the file changes.
pub(super) fn walk_back(
    mut tree: Tree<'_>,
    bucket: &[u8],
    visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
) -> Result<Walked, BoltError> {
    let mut records = 0;
    let found = find(&mut tree, bucket)?;
    if let Some(first) = &found {
        let _ = tree.walk(first, &mut |windows, page, element| {
            if element.is_bucket {
                return shape("has a bucket where etcd has none");
            }
            let flow = page.with_record(windows, element, &mut *visit)?;
            records += 1;
            Ok(flow)
        });
    }
    Ok(Walked {
        found: found.is_some(),
        pages: tree.pages,
        records,
        damaged: tree.damage.places(),
        damage: tree.damage.sentence(),
    })
}

/// See [`super::BoltFile::buckets`]; does not see whether the file changes.
pub(super) fn buckets(mut tree: Tree<'_>) -> Result<Vec<Vec<u8>>, BoltError> {
    let root = root(&mut tree)?;
    let mut names = Vec::new();
    let _ = tree.walk(&root, &mut |windows, page, element| {
        if element.is_bucket {
            names.push(page.key(windows, element)?.to_vec());
        }
        Ok(Continue(()))
    });
    names.reverse();
    tree.damage.sentence().map_or(Ok(names), |damage| Err(BoltError::Damaged(damage)))
}

/// The first page of the tree of buckets.
fn root(tree: &mut Tree<'_>) -> Result<Page, BoltError> {
    let id = tree.root();
    tree.enter(id, Bounds::default()).map_err(|fault| {
        BoltError::Damaged(format!("page {id}, from which everything is found, {fault}"))
    })
}

/// The first page of a bucket; `None` when there is no such bucket.
fn find(tree: &mut Tree<'_>, bucket: &[u8]) -> Result<Option<Page>, BoltError> {
    let name = String::from_utf8_lossy(bucket);
    let root = root(tree)?;
    let mut at: Option<(Page, Element)> = None;
    let _ = tree.walk(&root, &mut |windows, page, element| {
        if *page.key(windows, element)? != *bucket {
            return Ok(Continue(()));
        }
        if !element.is_bucket {
            return shape("has a plain value where a bucket should be");
        }
        at = Some((page.clone(), *element));
        Ok(Break(()))
    });
    match (at, tree.damage.sentence()) {
        (Some((page, element)), _) => tree.bucket(&page, &element).map(Some).map_err(|fault| {
            BoltError::Damaged(format!("the first page of bucket `{name}` {fault}"))
        }),
        (None, None) => Ok(None),
        (None, Some(damage)) => {
            Err(BoltError::Damaged(format!("the way to bucket `{name}` is not whole: {damage}")))
        }
    }
}
