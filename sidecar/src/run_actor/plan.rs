//! The journal as the memory of submissions.

use std::io;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use gleaner_submission::{Memory, Planned};

use super::on_disk;
use crate::journal::{Journal, Record};

/// The plans in the journal: those that were there at the start, and where the next one goes.
pub(super) struct Plans {
    pub(super) earlier: Vec<Planned>,
    pub(super) journal: Arc<Mutex<Journal>>,
}

impl Memory for Plans {
    fn earlier(&self) -> &[Planned] {
        &self.earlier
    }

    fn keep(&self, planned: Planned) -> BoxFuture<'_, io::Result<()>> {
        let journal = Arc::clone(&self.journal);
        Box::pin(on_disk(journal, move |journal| {
            journal.append(&Record::Planned(planned))
        }))
    }
}
