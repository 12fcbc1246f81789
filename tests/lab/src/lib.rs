//! Real etcd masters on one machine.
