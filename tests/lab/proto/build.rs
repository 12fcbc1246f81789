//! Compiles the protos in pure Rust: etcd's from the product, the writing side
//! of CRI from beside this file.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=../../proto");
    let files = protox::compile(["etcd.proto", "pods.proto"], ["../../proto", "proto"])?;
    tonic_prost_build::configure().build_server(false).build_transport(false).compile_fds(files)?;
    Ok(())
}
