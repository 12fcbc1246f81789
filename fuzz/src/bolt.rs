//! A database file: what its metas, its trees and its rows tell.

use std::{fs::File, io, ops::ControlFlow, os::unix::fs::FileExt};

use etcd_rescue::observe::bolt::{BoltError, BoltFile};

use super::etcd::seal_meta;

/// A database file as it is; with the checksums of its metas put right; and
/// with metas and page numbers that lead to all of it.
pub fn bolt(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    read(&bytes);
    let size = bytes.get(24..28).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes);
    for page in [0, size.unwrap_or_default().min(65536) as usize] {
        seal_meta(&mut bytes, page + 16);
    }
    read(&bytes);
    lead_everywhere(&mut bytes);
    read(&bytes);
}

/// Pages of 512 bytes with the numbers of their places, below right metas.
fn lead_everywhere(bytes: &mut [u8]) {
    let pages = (bytes.len() / 512) as u64;
    for (id, page) in bytes.chunks_exact_mut(512).enumerate() {
        page[..8].copy_from_slice(&(id as u64).to_le_bytes());
    }
    for page in [0, 512] {
        let Some(meta) = bytes.get_mut(page + 16..page + 80) else { return };
        for (at, number) in [(0, 0xED0C_DAED_u32), (4, 2), (8, 512)] {
            meta[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        meta[40..48].copy_from_slice(&pages.to_le_bytes());
        seal_meta(bytes, page + 16);
    }
}

fn read(bytes: &[u8]) {
    if let Err(error) = opened(bytes).and_then(|file| read_all(&file)) {
        assert!(error.to_string().len() > 10 && !matches!(error, BoltError::Changed), "{error}");
    }
}

fn opened(bytes: &[u8]) -> Result<BoltFile, BoltError> {
    thread_local!(static FILE: io::Result<File> = tempfile::tempfile());
    let file = FILE.with(|file| file.as_ref().expect("a file").try_clone())?;
    file.set_len(0)?;
    file.write_all_at(bytes, 0)?;
    BoltFile::from_file(file, "fuzzed".to_owned())
}

/// Each row comes once, with what was promised of it.
fn read_all(file: &BoltFile) -> Result<(), BoltError> {
    let mut buckets = vec![b"key".to_vec()];
    buckets.extend(file.buckets().unwrap_or_default());
    for bucket in buckets {
        let mut last: Option<Vec<u8>> = None;
        let mut rows = 0;
        let walked = file.walk_back(&bucket, &mut |row| {
            assert!(last.as_ref().is_none_or(|last| row.key < last.as_slice()), "out of order");
            assert!(row.head.len() as u64 >= row.value_len.min(512));
            assert!(row.tail.len() as u64 == row.value_len.min(16));
            last = Some(row.key.to_vec());
            rows += 1;
            ControlFlow::Continue(())
        });
        let Ok(walked) = walked else { continue };
        assert!(walked.found || rows == 0);
        assert!(walked.records == rows);
        assert!(walked.pages * u64::from(file.page_size()) <= file.size().0);
        assert_eq!(walked.damage.is_some(), walked.damaged > 0);
    }
    if file.is_snapshot() { file.check_sum().map(drop) } else { Ok(()) }
}
