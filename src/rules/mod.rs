//! The decisions. State and `now` in, a plan out; nothing here does IO or holds state.

pub mod mirror;
