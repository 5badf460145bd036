//! How an item stands that no receipt shows as ended.

use jiff::{SignedDuration, Timestamp};

use super::Builder;
use crate::clock;
use crate::formats::document::{Document, Kind};
use crate::store::recover::Standing;

/// Nothing at Extend that is older than the day before its file came can be an item. Extend's clock counts
/// and the file's time is ours, which may be hours off; to take another's for ours it would need the same
/// number, customer and products within that day.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

impl Builder<'_> {
    pub(super) fn unresolved(&self, told: Standing, received_at: &str) -> Standing {
        let received: Timestamp = received_at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let first = received.checked_sub(MARGIN).unwrap_or(received);
        Standing {
            state: "sending".into(),
            attempts: told.attempts,
            first_attempt_at: Some(clock::text(first)),
            ..Standing::default()
        }
    }

    pub(super) fn recovered(&self) -> Standing {
        let message = self.config.exchange.language.pick(
            "the database was made again, and it can't be told whether this change was made. Look at the order at \
             Extend. If it is as wanted, cancel this item; if not, retry it.",
            "databasen har byggts om, och det går inte att avgöra om denna ändring gjordes. Se på ordern i Extend. \
             Är den som önskat, avbryt (cancel) denna post; annars försök igen (retry).",
        );
        Standing {
            state: "refused".into(),
            error: Some(("recovered".into(), message.into(), None)),
            ..Standing::default()
        }
    }

    pub(super) fn left_to_person(&self, document: &Document) -> Standing {
        let place = match document.kind {
            Kind::Return => "ReturnOrders",
            Kind::Customer => "Customers",
            _ => "CustomerOrders",
        };
        let message = self.config.exchange.language.pick(
            format!(
                "the database was made again, and it can't be told whether Extend has this. Look for it among the \
                 {place} at Extend. If it is there, cancel this item; if not, retry it."
            ),
            format!(
                "databasen har byggts om, och det går inte att avgöra om Extend har detta. Leta bland {place} i \
                 Extend. Finns det där, avbryt (cancel) denna post; finns det inte, försök igen (retry)."
            ),
        );
        Standing {
            state: "refused".into(),
            error: Some(("look_alike".into(), message, None)),
            ..Standing::default()
        }
    }
}
