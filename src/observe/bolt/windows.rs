//! Bytes of a file, read by `pread` in windows of which a few are kept.
//!
//! A walk from the last key to the first mostly goes backwards through the
//! file, but in a churned database the pages lie anywhere. So a page alone is
//! read alone; next to a window that is known, one of twice its size is read,
//! to the side where the walk goes.

use std::{fs::File, io, ops::Deref, ops::Range, os::unix::fs::FileExt, rc::Rc};

use super::damage::{Fault, shape};

/// Windows kept: with their largest size, 4 MiB.
const KEPT: usize = 32;
/// The largest window.
const LARGEST: u64 = 128 << 10;
/// What the kernel reads at least.
const SMALLEST: u64 = 4096;
/// How far from a window one counts as next to it.
const NEAR: u64 = 64 << 10;

/// The windows of one walk.
pub(super) struct Windows<'a> {
    file: &'a File,
    /// Where the database ends, in bytes.
    end: u64,
    kept: Vec<Window>,
    clock: u64,
    last: usize,
}

struct Window {
    start: u64,
    bytes: Rc<Vec<u8>>,
    used: u64,
}

impl Window {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn holds(&self, range: &Range<u64>) -> bool {
        self.start <= range.start && range.end <= self.end()
    }

    /// Bytes between this window and a range beside it.
    fn gap(&self, range: &Range<u64>) -> u64 {
        range.start.saturating_sub(self.end()).max(self.start.saturating_sub(range.end))
    }
}

/// A part of a window, which stays while this does.
#[derive(Clone)]
pub(super) struct Piece {
    window: Rc<Vec<u8>>,
    range: Range<usize>,
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.window[self.range.clone()]
    }
}

impl<'a> Windows<'a> {
    pub(super) fn new(file: &'a File, end: u64) -> Self {
        Self { file, end, kept: Vec::with_capacity(KEPT), clock: 0, last: 0 }
    }

    /// The bytes from an offset of the file on. `length` is a page, a key, or
    /// the beginning of a value: never anything without a limit.
    ///
    /// # Errors
    /// They are not in the database, or the disk does not give them.
    pub(super) fn get(&mut self, at: u64, length: usize) -> Result<Piece, Fault> {
        let range = at..at.saturating_add(length as u64);
        if range.end > self.end {
            return shape("reaches beyond the end of the database");
        }
        let known = |window: &Window| window.holds(&range);
        let index = match self.kept.get(self.last) {
            Some(window) if known(window) => self.last,
            _ => match self.kept.iter().position(known) {
                Some(index) => index,
                None => self.load(&range)?,
            },
        };
        self.last = index;
        self.clock += 1;
        let window = &mut self.kept[index];
        window.used = self.clock;
        let from = (at - window.start) as usize;
        Ok(Piece { window: Rc::clone(&window.bytes), range: from..from + length })
    }

    /// Reads a window that holds the range; its place.
    fn load(&mut self, range: &Range<u64>) -> Result<usize, Fault> {
        let least = range.start / SMALLEST * SMALLEST
            ..range.end.next_multiple_of(SMALLEST).min(self.end).max(range.end);
        let wide = self.widened(&least);
        let (place, mut bytes) = self.free_place();
        let mut start = wide.start;
        let mut read = fill(self.file, &wide, &mut bytes);
        // A bad sector beside what is asked for must not hide it.
        if read.is_err() && wide != least {
            start = least.start;
            read = fill(self.file, &least, &mut bytes);
        }
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Fault::Shape("is gone: the file got shorter while it was read".to_owned())
            }
            _ => Fault::Read(error),
        })?;
        let window = Window { start, bytes: Rc::new(bytes), used: self.clock };
        match self.kept.get_mut(place) {
            Some(old) => *old = window,
            None => self.kept.push(window),
        }
        Ok(place)
    }

    /// The range with more to the side where the walk goes.
    fn widened(&self, least: &Range<u64>) -> Range<u64> {
        let Some(near) = self.kept.iter().min_by_key(|window| window.gap(least)) else {
            return least.clone();
        };
        let size = (2 * near.bytes.len() as u64).min(LARGEST);
        if near.gap(least) > NEAR || size <= least.end - least.start {
            least.clone()
        } else if least.start < near.start {
            least.end.saturating_sub(size)..least.end
        } else {
            least.start..(least.start + size).min(self.end)
        }
    }

    /// Where the next window goes, and a buffer: that of the window that was
    /// not used for the longest time, unless somebody still looks at it.
    fn free_place(&mut self) -> (usize, Vec<u8>) {
        if self.kept.len() < KEPT {
            return (self.kept.len(), Vec::new());
        }
        let oldest = self.kept.iter_mut().enumerate().min_by_key(|(_, window)| window.used);
        oldest.map_or((0, Vec::new()), |(place, window)| {
            // Should the reading fail, the place holds nothing.
            let bytes = std::mem::take(&mut window.bytes);
            (place, Rc::try_unwrap(bytes).unwrap_or_default())
        })
    }
}

fn fill(file: &File, range: &Range<u64>, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.resize((range.end - range.start) as usize, 0);
    file.read_exact_at(bytes, range.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Our own memory as a file: where its first part begins; below that
    /// nothing can be read, as on a disk with bad sectors.
    fn memory() -> (File, u64) {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let begin = u64::from_str_radix(maps.split('-').next().unwrap(), 16).unwrap();
        (File::open("/proc/self/mem").unwrap(), begin)
    }

    #[test]
    fn a_bad_sector_hides_only_itself() {
        let (file, begin) = memory();
        let mut windows = Windows::new(&file, u64::MAX / 2);
        windows.get(begin + 4096, 16).unwrap();
        // Backwards: the wider window would begin below.
        assert_eq!(&*windows.get(begin, 4).unwrap(), b"\x7fELF");
        assert!(matches!(windows.get(begin - 4096, 16), Err(Fault::Read(_))));
        assert_eq!(&*windows.get(begin, 4).unwrap(), b"\x7fELF");
    }

    /// What is read of a file of 16 MiB, in bytes, for one page after another.
    fn read_for(pages: impl Iterator<Item = u64>) -> u64 {
        let file = tempfile::tempfile().unwrap();
        file.set_len(16 << 20).unwrap();
        let mut windows = Windows::new(&file, 16 << 20);
        let (mut read, mut known) = (0, Vec::new());
        for page in pages {
            windows.get(page * 4096, 4096).unwrap();
            let now: Vec<_> = windows.kept.iter().map(|one| (one.start, one.end())).collect();
            read += now.iter().filter(|one| !known.contains(*one)).map(|(a, b)| b - a).sum::<u64>();
            known = now;
        }
        assert!(windows.kept.len() <= KEPT);
        assert!(windows.kept.iter().all(|one| one.bytes.len() as u64 <= LARGEST));
        read
    }

    #[test]
    fn nothing_is_read_twice_in_any_order() {
        let whole = 16 << 20;
        assert_eq!(read_for((0..4096).rev()), whole);
        assert_eq!(read_for(0..4096), whole);
        // Each far from the one before: hardly more than the pages themselves.
        assert!(read_for((0..4096).map(|n| n * 1009 % 4096)) < whole + whole / 8);
    }

    #[test]
    fn a_piece_stays_when_its_window_goes() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[7; 4096], 0).unwrap();
        file.set_len(64 << 20).unwrap();
        let mut windows = Windows::new(&file, 64 << 20);
        let first = windows.get(0, 100).unwrap();
        (1..60).for_each(|n| drop(windows.get(n << 20, 100).unwrap()));
        assert!(windows.kept.iter().all(|one| one.start > 0));
        assert_eq!(&*first, &[7; 100]);
        assert!(matches!(windows.get((64 << 20) - 50, 100), Err(Fault::Shape(_))));
    }
}
