//! Pages as a drive would send them, built from its numbers.

use std::{fs, path::Path};

/// One row of an attribute table.
pub struct Row {
    pub id: u8,
    pub flags: u16,
    pub value: u8,
    pub worst: u8,
    pub threshold: u8,
    pub raw: u64,
}

/// An ATA drive.
pub struct Table {
    pub model: String,
    pub rotation: u16,
    pub rows: Vec<Row>,
}

impl Table {
    /// A drive of `tests/recorded/smart`.
    pub fn recorded(name: &str) -> Self {
        let path = format!("tests/recorded/smart/{name}.txt");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let text = fs::read_to_string(&path).expect("a recorded drive");
        let mut table = Self { model: String::new(), rotation: 0, rows: Vec::new() };
        for line in text.lines() {
            match line.split_once(' ').expect("a line") {
                ("model", model) => table.model = model.to_owned(),
                ("rotation", rotation) => table.rotation = rotation.parse().expect("a number"),
                _ => table.rows.push(row(line)),
            }
        }
        table
    }

    /// A solid-state drive with one attribute.
    pub fn one(model: &str, id: u8, value: u8, raw: u64) -> Self {
        let row = Row { id, flags: 0x32, value, worst: value, threshold: 0, raw };
        Self { model: model.to_owned(), rotation: 1, rows: vec![row] }
    }

    /// Changes an attribute.
    pub fn set(&mut self, id: u8, change: impl FnOnce(&mut Row)) {
        change(self.rows.iter_mut().find(|row| row.id == id).expect("the attribute"));
    }

    /// IDENTIFY DEVICE.
    pub fn identity(&self) -> Vec<u8> {
        let mut page = vec![0; 512];
        swapped(&mut page[20..40], "SERIAL1");
        swapped(&mut page[46..54], "FW1");
        swapped(&mut page[54..94], &self.model);
        for (word, value) in [(82, 0x4021), (83, 0x7400), (85, 0x4021), (217, self.rotation)] {
            page[word * 2..word * 2 + 2].copy_from_slice(&u16::to_le_bytes(value));
        }
        page
    }

    /// SMART READ DATA.
    pub fn data(&self) -> Vec<u8> {
        self.page(|row, slot| {
            slot[1..3].copy_from_slice(&row.flags.to_le_bytes());
            (slot[3], slot[4]) = (row.value, row.worst);
            slot[5..11].copy_from_slice(&row.raw.to_le_bytes()[..6]);
        })
    }

    /// SMART READ THRESHOLDS.
    pub fn thresholds(&self) -> Vec<u8> {
        self.page(|row, slot| slot[1] = row.threshold)
    }

    fn page(&self, fill: impl Fn(&Row, &mut [u8])) -> Vec<u8> {
        let mut page = vec![0; 512];
        page[0] = 1;
        for (row, slot) in self.rows.iter().zip(page[2..362].chunks_mut(12)) {
            slot[0] = row.id;
            fill(row, slot);
        }
        let sum = page.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        page[511] = sum.wrapping_neg();
        page
    }
}

fn row(line: &str) -> Row {
    let mut words = line.split(' ');
    let mut next = || words.next().expect("six numbers").parse::<u64>().expect("a number");
    let mut small = || u8::try_from(next()).expect("a byte");
    let (id, flags, value, worst, threshold) = (small(), small(), small(), small(), small());
    Row { id, flags: u16::from(flags), value, worst, threshold, raw: next() }
}

/// A text whose bytes are swapped in pairs, padded with spaces.
fn swapped(place: &mut [u8], text: &str) {
    let padded = text.bytes().chain(std::iter::repeat(b' '));
    place.iter_mut().zip(padded).for_each(|(byte, letter)| *byte = letter);
    place.chunks_mut(2).for_each(|pair| pair.swap(0, 1));
}

/// A page of device statistics with these entries.
pub fn statistics(number: u8, values: &[(usize, u64)]) -> Vec<u8> {
    let mut page = vec![0; 512];
    page[2] = number;
    for (at, value) in values {
        page[*at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    page
}

/// IDENTIFY of an NVMe controller.
pub fn nvme_identity(model: &str) -> Vec<u8> {
    let mut page = vec![0; 4096];
    page[4..12].copy_from_slice(b"NVMESER1");
    page[24..64].fill(b' ');
    page[24..24 + model.len()].copy_from_slice(model.as_bytes());
    page
}

/// The SMART log of an NVMe controller: numbers at their places, as many bytes
/// as they need.
pub fn nvme_smart(values: &[(usize, u64)]) -> Vec<u8> {
    let mut page = vec![0; 512];
    for (at, value) in values {
        let bytes = value.to_le_bytes();
        let used = 8 - value.leading_zeros() as usize / 8;
        page[*at..at + used].copy_from_slice(&bytes[..used]);
    }
    page
}

/// A SCSI log page with these parameters.
pub fn log(code: u8, parameters: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (code, value) in parameters {
        body.extend(code.to_be_bytes());
        body.extend([3, u8::try_from(value.len()).expect("short")]);
        body.extend_from_slice(value);
    }
    let mut page = vec![code, 0];
    page.extend(u16::try_from(body.len()).expect("short").to_be_bytes());
    page.extend(body);
    page
}
