//! etcd-rescue.
pub mod cli;
pub mod failure;
pub mod model;
pub mod observe;
pub mod say;
pub mod settings;
pub mod sys;
pub mod wire;
