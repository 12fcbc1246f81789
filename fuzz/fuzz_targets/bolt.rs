//! libFuzzer's way to [`etcd_rescue_fuzz::bolt`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| etcd_rescue_fuzz::bolt(bytes));
