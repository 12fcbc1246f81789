//! The command line's description names the commit it is built of; the manual does not.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=ETCD_RESCUE_SOURCE=");
}
