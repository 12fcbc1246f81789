//! The reader on files that a writer of its own made, and on what is left of
//! them when they are cut and damaged.

use std::{io::Write, ops::ControlFlow};

use super::{
    BoltError, BoltFile, Walked,
    testing::{Row, Writer, rows},
};

/// A row as it was handed out: key, head, tail, length.
pub(super) type Told = (Vec<u8>, Vec<u8>, Vec<u8>, u64);

pub(super) fn opened(bytes: &[u8]) -> Result<BoltFile, BoltError> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    BoltFile::from_file(file, "x.db".to_owned())
}

pub(super) fn walked(file: &BoltFile, bucket: &str) -> Result<(Vec<Told>, Walked), BoltError> {
    let mut told = Vec::new();
    let walked = file.walk_back(bucket.as_bytes(), &mut |row| {
        told.push((row.key.to_vec(), row.head.to_vec(), row.tail.to_vec(), row.value_len));
        ControlFlow::Continue(())
    })?;
    Ok((told, walked))
}

/// Fails unless the bucket has exactly these rows.
#[track_caller]
pub(super) fn holds(file: &BoltFile, bucket: &str, rows: &[Row]) -> Walked {
    let (told, walked) = walked(file, bucket).unwrap();
    assert_eq!((walked.found, walked.damage.clone()), (true, None));
    assert_eq!(walked.records, rows.len() as u64);
    assert_eq!(told.len(), rows.len());
    for ((key, head, tail, length), (_, wanted, value)) in told.iter().zip(rows.iter().rev()) {
        assert_eq!((key, *length), (wanted, value.len() as u64));
        assert!(head.len() >= value.len().min(2048) && value.starts_with(head));
        assert!(tail.len() == value.len().min(16) && value.ends_with(tail));
    }
    walked
}

/// Values of all sizes, none like another.
pub(super) fn values(count: usize, longest: usize) -> Vec<Vec<u8>> {
    let value = |n: usize| (0..n * 7919 % longest).map(|at| (at * 31 + n * 17) as u8).collect();
    (0..count).map(value).collect()
}

#[test]
fn every_row_comes_from_the_last_to_the_first() {
    for page_size in [512, 1024, 4096, 16384, 65536] {
        for scattered in [false, true] {
            let all = rows(values(700, 3 * page_size));
            let few = rows(values(5, 30));
            let mut writer = Writer::new(page_size);
            writer.scattered = scattered;
            writer.free(3);
            writer.bucket("key", all.clone());
            writer.inline("lease", &few);
            writer.inline("alarm", &[]);
            writer.bucket("meta", few.clone());
            let bytes = writer.snapshot();
            let file = opened(&bytes).unwrap();
            assert_eq!(file.size().0, bytes.len() as u64 - 32);
            assert_eq!((file.page_size() as usize, file.transaction()), (page_size, 7));
            let walked = holds(&file, "key", &all);
            // All but the metas, three free ones and another bucket's.
            assert_eq!(walked.pages, file.size().0 / page_size as u64 - 2 - 3 - 1);
            holds(&file, "lease", &few);
            holds(&file, "meta", &few);
            holds(&file, "alarm", &[]);
            let names = file.buckets().unwrap();
            assert_eq!(names, ["alarm", "key", "lease", "meta"].map(|name| name.as_bytes()));
            assert!(file.is_snapshot() && file.check_sum().unwrap());
        }
    }
}

#[test]
fn a_bucket_that_is_not_there_is_no_error() {
    let file = opened(&Writer::new(4096).finish()).unwrap();
    assert_eq!(walked(&file, "key").unwrap().1, Walked { pages: 1, ..Walked::default() });
    assert!(matches!(file.check_sum(), Err(BoltError::NoCheckSum)));
}
