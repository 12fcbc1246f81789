//! libFuzzer's way to [`etcd_rescue_fuzz::wal`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| etcd_rescue_fuzz::wal(bytes));
