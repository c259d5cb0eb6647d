//! Access to the submission plans in the journal.

use std::io;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use gleaner_submission::{Memory, Planned};

use super::on_disk;
use crate::journal::Journal;

/// The plans that the journal contained at the start, and the journal that stores new plans.
pub(super) struct Plans {
    pub(super) earlier: Vec<Planned>,
    pub(super) journal: Arc<Mutex<Journal>>,
    /// The number of bytes that must stay reserved for the outcome.
    pub(super) ending: u64,
}

impl Memory for Plans {
    fn earlier(&self) -> &[Planned] {
        &self.earlier
    }

    fn keep(&self, planned: Planned) -> BoxFuture<'_, io::Result<()>> {
        let journal = Arc::clone(&self.journal);
        let ending = self.ending;
        Box::pin(on_disk(journal, move |journal| {
            journal.append_plan(planned, ending)
        }))
    }
}
