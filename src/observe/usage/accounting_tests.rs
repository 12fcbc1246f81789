//! Rows in etcd's own encoding, cut and broken.
