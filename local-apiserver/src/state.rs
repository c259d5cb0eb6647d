//! The state that all requests share.

use crate::kind::Registry;
use crate::store::Store;

/// The kinds of a server and its objects.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) registry: Registry,
    pub(crate) store: Store,
}
