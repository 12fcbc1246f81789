//! Reads only.
