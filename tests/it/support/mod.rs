//! What the tests share.

pub mod api;
pub mod chromium;
pub mod openapi;
pub mod seeds;
pub mod shop;
