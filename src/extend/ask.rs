//! Questions that somebody waits for: what is available, and when.

use super::jobs::{Caller, of_record};
use super::requests;
use crate::rules::answer::Got;

/// A question for Extend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskJob {
    /// The question's name.
    pub name: String,
    /// SHA-256 of its file.
    pub hash: String,
    /// The order that it is, as JSON.
    pub body: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The question's name.
    pub name: String,
    /// SHA-256 of its file.
    pub hash: String,
    /// Extend's answer, byte for byte, or why there is none.
    pub got: Got,
}

/// Asks. POST CustomerOrderATP creates nothing (documented), so an answer that is lost needs no look-up.
pub(super) fn ask(line: &mut Caller<'_>, job: AskJob) -> Asked {
    let got = of_record(line.call(&requests::availability(job.body)));
    Asked { name: job.name, hash: job.hash, got }
}
