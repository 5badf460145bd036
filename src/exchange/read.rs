//! What is in a file, by its name and the settings. Some of it only the mirror can tell: which customer a buyer
//! is, which product an item.

use std::borrow::Borrow;
use std::io::Read;
use std::path::Path;

use rusqlite::Connection;

use super::QUESTIONS_PREFIX;
use crate::config::Config;
use crate::formats::contents::{Contents, Format};
use crate::formats::problem::{Problem, Wrong};
use crate::formats::ubl::{Known, Order, Wanted};
use crate::store::{self, StoreError};

/// Reads files by these settings.
#[derive(Debug, Clone, Copy)]
pub struct Files<C> {
    /// The settings.
    pub config: C,
}

impl<C: Borrow<Config>> Files<C> {
    /// How a file of this name is read.
    ///
    /// # Errors
    /// It is of no format that is taken.
    pub fn format(&self, name: &str) -> Result<Format<'_>, Wrong> {
        Format::of(name.strip_prefix(QUESTIONS_PREFIX).unwrap_or(name), &self.config.borrow().csv)
    }

    /// What is in a file, or what is wrong with it. `look_up` is only asked where the mirror matters.
    ///
    /// # Errors
    /// Those of `look_up`.
    pub fn contents<E>(
        &self,
        name: &str,
        bytes: &[u8],
        look_up: impl FnOnce(&Wanted) -> Result<Known, E>,
    ) -> Result<Result<Contents, Vec<Problem>>, E> {
        match self.format(name) {
            Ok(Format::Ubl) => {}
            Ok(format) => return Ok(format.parse(bytes)),
            Err(wrong) => return Ok(Err(vec![Problem::of_file(wrong)])),
        }
        let order = match Order::read(bytes) {
            Ok(order) => order,
            Err(problems) => return Ok(Err(problems)),
        };
        let known = look_up(&order.wanted())?;
        Ok(Ok(order.contents(&self.config.borrow().ubl, &known)))
    }
}

/// A reading connection to the mirror, opened for the first file that needs it.
#[derive(Debug, Default)]
pub struct Mirror {
    connection: Option<Connection>,
}

impl Mirror {
    /// What the mirror knows of a UBL order's buyer and items.
    ///
    /// # Errors
    /// The database can't be opened or read.
    pub fn look_up(&mut self, config: &Config, wanted: &Wanted) -> Result<Known, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => store::open_reader(&config.database)?,
        };
        Ok(store::ubl::load(self.connection.insert(connection), wanted)?)
    }
}

/// Reads a regular file, never a pipe or the target of a link that took its place a moment ago.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("no ordinary file"));
    }
    let mut bytes = Vec::with_capacity(metadata.len().min(max_bytes) as usize + 1);
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
