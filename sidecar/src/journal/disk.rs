//! The file operations of a journal.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Read, Seek, Write};

use crate::crash_point;

/// A file. Tests replace it with an implementation whose writes fail.
pub(crate) trait Disk: Debug + Send + Read + Write + Seek {
    /// Same as [`File::set_len`].
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Same as [`File::sync_data`].
    fn sync_data(&self) -> io::Result<()>;
}

impl Disk for File {
    fn set_len(&self, length: u64) -> io::Result<()> {
        Self::set_len(self, length)
    }

    fn sync_data(&self) -> io::Result<()> {
        crash_point::slow_disk();
        Self::sync_data(self)
    }
}
