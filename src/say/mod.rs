//! Speaks.
