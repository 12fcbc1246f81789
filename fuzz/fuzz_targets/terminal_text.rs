//! libFuzzer's way to [`etcd_rescue_fuzz::terminal_text`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| etcd_rescue_fuzz::terminal_text(bytes));
