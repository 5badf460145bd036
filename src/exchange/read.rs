//! What is in a file, by its name and the settings. Some of it only the mirror can tell: which customer a buyer
//! is, which product an item.

use std::borrow::Borrow;

use super::QUESTIONS_PREFIX;
use crate::config::Config;
use crate::formats::contents::{Contents, Format};
use crate::formats::problem::{Problem, Wrong};
use crate::formats::ubl::{Known, Order, Wanted};

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
