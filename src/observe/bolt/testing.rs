//! Writes bbolt files for tests, in memory: pages of any size, trees of many
//! levels, overflow pages, inline buckets, free pages. It knows the format by
//! itself and shares no code with the reader.

use ring::digest::{SHA256, digest};

/// A row of a leaf page: its flags (1 for a bucket), key and value.
pub type Row = (u32, Vec<u8>, Vec<u8>);

/// A file that is being written.
pub struct Writer {
    page_size: usize,
    bytes: Vec<u8>,
    top: Vec<Row>,
    /// How full a page gets before the next one is begun, in bytes.
    pub fill: usize,
    /// Leaves lie in the file in another order than their keys.
    pub scattered: bool,
    /// The transaction of the file.
    pub transaction: u64,
}

/// Plain rows of consecutive revisions, as etcd's bucket `key` has.
pub fn rows(values: impl IntoIterator<Item = Vec<u8>>) -> Vec<Row> {
    values.into_iter().enumerate().map(|(n, value)| (0, revision(n as u64 + 1), value)).collect()
}

/// The key of a revision.
pub fn revision(main: u64) -> Vec<u8> {
    let mut key = main.to_be_bytes().to_vec();
    key.push(b'_');
    key.extend([0; 8]);
    key
}

impl Writer {
    /// An empty one.
    pub fn new(page_size: usize) -> Self {
        Self {
            page_size,
            bytes: vec![0; 2 * page_size],
            top: Vec::new(),
            fill: page_size,
            scattered: false,
            transaction: 7,
        }
    }

    /// Leaves out so many pages, full of something old.
    pub fn free(&mut self, pages: usize) {
        self.bytes.resize(self.bytes.len() + pages * self.page_size, 0x5A);
    }

    /// Adds a bucket with a tree of its own.
    pub fn bucket(&mut self, name: &str, rows: Vec<Row>) {
        let root = self.tree(rows);
        let mut value = root.to_le_bytes().to_vec();
        value.extend([0; 8]);
        self.top.push((1, name.into(), value));
    }

    /// Adds a bucket that lies in its parent's page.
    pub fn inline(&mut self, name: &str, rows: &[Row]) {
        self.top.push((1, name.into(), inline_bucket(rows)));
    }

    /// Adds anything at the top.
    pub fn top(&mut self, row: Row) {
        self.top.push(row);
    }

    /// The database.
    pub fn finish(mut self) -> Vec<u8> {
        let mut top = std::mem::take(&mut self.top);
        top.sort_by(|a, b| a.1.cmp(&b.1));
        let root = self.tree(top);
        let pages = (self.bytes.len() / self.page_size) as u64;
        for page in 0..2_u64 {
            let transaction = self.transaction - (self.transaction + page) % 2;
            let meta = meta(self.page_size as u32, root, pages, transaction);
            let mut header = page.to_le_bytes().to_vec();
            header.extend([4, 0, 0, 0, 0, 0, 0, 0]);
            let at = page as usize * self.page_size;
            self.bytes[at..at + 16].copy_from_slice(&header);
            self.bytes[at + 16..at + 80].copy_from_slice(&meta);
        }
        self.bytes
    }

    /// The database with its SHA-256 behind.
    pub fn snapshot(self) -> Vec<u8> {
        let mut bytes = self.finish();
        let sum = digest(&SHA256, &bytes);
        bytes.extend_from_slice(sum.as_ref());
        bytes
    }

    /// Writes a tree; the number of its root.
    fn tree(&mut self, rows: Vec<Row>) -> u64 {
        let leaves = self.chunks(rows, |row| 16 + row.1.len() + row.2.len());
        let count = leaves.len();
        let mut order: Vec<usize> = (0..count).collect();
        if self.scattered {
            // Neighbours by key are far from each other.
            order.sort_by_key(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(20));
        }
        let mut level: Vec<(Vec<u8>, u64)> = vec![Default::default(); count];
        for n in order {
            let first = leaves[n].first().map(|row| row.1.clone()).unwrap_or_default();
            level[n] = (first, self.write(2, leaf(&leaves[n])));
        }
        while level.len() > 1 {
            let branches = self.chunks(level, |(key, _)| 16 + key.len());
            level = branches
                .into_iter()
                .map(|children| (children[0].0.clone(), self.write(1, branch(&children))))
                .collect();
        }
        level[0].1
    }

    /// Groups that fit a page each, at least two in each but the last; one
    /// empty group for nothing.
    fn chunks<T>(&self, items: Vec<T>, size: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
        let (mut chunks, mut taken) = (vec![Vec::new()], 16);
        for item in items {
            let size = size(&item);
            let last = chunks.last().expect("one");
            if last.len() >= 2 && taken + size > self.fill {
                chunks.push(Vec::new());
                taken = 16;
            }
            taken += size;
            chunks.last_mut().expect("one").push(item);
        }
        chunks
    }

    /// Writes a page with its overflow pages at the end; its number.
    fn write(&mut self, flags: u16, (count, body): (usize, Vec<u8>)) -> u64 {
        let id = (self.bytes.len() / self.page_size) as u64;
        let pages = (16 + body.len()).div_ceil(self.page_size);
        self.bytes.extend(id.to_le_bytes());
        self.bytes.extend(flags.to_le_bytes());
        self.bytes.extend((count as u16).to_le_bytes());
        self.bytes.extend((pages as u32 - 1).to_le_bytes());
        self.bytes.extend(body);
        self.bytes.resize((id as usize + pages) * self.page_size, 0);
        id
    }
}

/// A bucket's value that holds its rows itself.
pub fn inline_bucket(rows: &[Row]) -> Vec<u8> {
    let (count, body) = leaf(rows);
    let mut value = vec![0; 16 + 8];
    value.extend([2, 0]);
    value.extend((count as u16).to_le_bytes());
    value.extend([0; 4]);
    value.extend(body);
    value
}

fn leaf(rows: &[Row]) -> (usize, Vec<u8>) {
    let (mut elements, mut data) = (Vec::new(), Vec::<u8>::new());
    for (n, (flags, key, value)) in rows.iter().enumerate() {
        let pos = (rows.len() - n) * 16 + data.len();
        for number in [*flags, pos as u32, key.len() as u32, value.len() as u32] {
            elements.extend(number.to_le_bytes());
        }
        data.extend(key);
        data.extend(value);
    }
    elements.extend(data);
    (rows.len(), elements)
}

fn branch(children: &[(Vec<u8>, u64)]) -> (usize, Vec<u8>) {
    let (mut elements, mut data) = (Vec::new(), Vec::<u8>::new());
    for (n, (key, id)) in children.iter().enumerate() {
        let pos = (children.len() - n) * 16 + data.len();
        elements.extend((pos as u32).to_le_bytes());
        elements.extend((key.len() as u32).to_le_bytes());
        elements.extend(id.to_le_bytes());
        data.extend(key);
    }
    elements.extend(data);
    (children.len(), elements)
}

/// The 64 bytes of a meta page behind its header, with a right checksum.
pub fn meta(page_size: u32, root: u64, pages: u64, transaction: u64) -> Vec<u8> {
    let mut meta = Vec::new();
    for number in [0xED0C_DAED, 2, page_size, 0] {
        meta.extend(number.to_le_bytes());
    }
    for number in [root, 0, u64::MAX, pages, transaction] {
        meta.extend(number.to_le_bytes());
    }
    seal(&mut meta);
    meta
}

/// Puts the checksum behind a meta's first 56 bytes.
pub fn seal(meta: &mut Vec<u8>) {
    meta.truncate(56);
    let sum = meta.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    meta.extend(sum.to_le_bytes());
}
