//! Scripted servers for the tests: an etcd cluster that answers as told, the
//! certificates it shows, and the door its connections come through.
#![allow(dead_code)] // every test file uses another part

pub mod etcd;
pub mod gate;
pub mod pki;
