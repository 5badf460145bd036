//! Amounts of an order, without VAT and with it: as the file has them and as they are sent.

use rust_decimal::{Decimal, RoundingStrategy};

use super::mapping::Mapping;

/// What the rows of an order add up to.
pub(super) struct Sums {
    prices_with_vat: bool,
    total_with_vat: bool,
    file: Decimal,
    sent: Decimal,
    vat: Decimal,
    rows: u32,
}

impl Sums {
    pub fn new(mapping: &Mapping) -> Sums {
        let (prices_with_vat, total_with_vat) = (mapping.prices_with_vat, mapping.total_with_vat);
        Sums {
            prices_with_vat,
            total_with_vat,
            file: Decimal::ZERO,
            sent: Decimal::ZERO,
            vat: Decimal::ZERO,
            rows: 0,
        }
    }

    /// Adds a row up, and gives the price of one as it is sent: without VAT, with four decimals.
    pub fn add(&mut self, in_all: Decimal, each: Decimal, quantity: Decimal, vat: Decimal) -> Decimal {
        let with_vat = Decimal::ONE + vat / Decimal::ONE_HUNDRED;
        let price = if self.prices_with_vat { each / with_vat } else { each };
        let price = price.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero);
        self.file += match (self.prices_with_vat, self.total_with_vat) {
            (true, true) | (false, false) => in_all,
            (true, false) => in_all / with_vat,
            (false, true) => in_all * with_vat,
        };
        self.vat += match self.prices_with_vat {
            true => in_all - in_all / with_vat,
            false => in_all * with_vat - in_all,
        };
        self.rows += 1;
        let sent = price * quantity;
        self.sent += if self.total_with_vat { sent * with_vat } else { sent };
        price
    }

    /// By the file, and as they are sent.
    pub fn totals(&self) -> (Decimal, Decimal) {
        (self.file, self.sent)
    }

    /// The VAT that the rows come to, and how far webshops that round it row by row may be off it.
    pub fn vat(&self) -> (Decimal, Decimal) {
        (self.vat, Decimal::new(5, 3) * Decimal::from(self.rows))
    }

    /// VAT in percent, where a row has it as an amount. Amounts are rounded, so that a rate is found only to
    /// the half: there are rates of 25, 12, 25.5 and 5.5 percent, and hardly any that lie between.
    pub fn percent(&self, in_all: Decimal, vat: Decimal) -> Option<Decimal> {
        let net = if self.prices_with_vat { in_all - vat } else { in_all };
        if net.is_zero() {
            return None;
        }
        let halves = (vat / net * Decimal::TWO * Decimal::ONE_HUNDRED).round();
        Some((halves / Decimal::TWO).normalize())
    }
}
