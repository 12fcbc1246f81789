//! Puts lists in order. Everybody here sorts with this and not with `sort` and
//! its like, and makes maps and sets with `map` and `set` and not with `collect`:
//! those put three and a half kilobytes of merging into the binary for every type
//! of item, for lists of a dozen.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

/// What can be put in order. Equals stay in the order they had.
pub trait InOrder<T> {
    /// Smallest first, as `compare` has it.
    fn order_by(&mut self, compare: impl Fn(&T, &T) -> Ordering);

    /// Smallest key first.
    fn order_by_key<K: Ord>(&mut self, key: impl Fn(&T) -> K) {
        self.order_by(|one, other| key(one).cmp(&key(other)));
    }

    /// Smallest first.
    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(T::cmp);
    }
}

impl<T> InOrder<T> for [T] {
    fn order_by(&mut self, compare: impl Fn(&T, &T) -> Ordering) {
        let mut comes_from = places(self.len(), &|one, other| compare(&self[one], &self[other]));
        // Round every cycle of the permutation once; where an item was put, the
        // place says so itself.
        for start in 0..self.len() {
            let mut place = start;
            while comes_from[place] != start {
                let next = comes_from[place];
                self.swap(place, next);
                comes_from[place] = place;
                place = next;
            }
            comes_from[place] = place;
        }
    }
}

/// Which item, by its index, comes to which place. The same code for every type.
fn places(length: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..length).collect();
    places.sort_by(|one, other| compare(*one, *other));
    places
}

/// A map; of pairs with equal keys the last.
pub fn map<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        map.insert(key, value);
    }
    map
}

/// A set.
pub fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    for item in items {
        set.insert(item);
    }
    set
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equals_stay_as_they_were() {
        let mut list = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd'), (0, 'e')];
        list.order_by_key(|(number, _)| *number);
        assert_eq!(list, [(0, 'e'), (1, 'b'), (1, 'd'), (2, 'a'), (2, 'c')]);
        let mut nothing: Vec<u8> = Vec::new();
        nothing.order();
        assert!(nothing.is_empty());
    }

    proptest! {
        #[test]
        fn it_is_the_order_of_a_stable_sort(list: Vec<(u8, u16)>) {
            let (mut ours, mut theirs) = (list.clone(), list.clone());
            ours.order_by_key(|(key, _)| *key);
            theirs.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(&ours, &theirs);
            ours.order();
            theirs.sort();
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn maps_and_sets_are_what_collect_makes(list: Vec<(u8, u16)>) {
            prop_assert_eq!(map(list.clone()), list.iter().copied().collect());
            prop_assert_eq!(set(list.clone()), list.into_iter().collect());
        }
    }
}
