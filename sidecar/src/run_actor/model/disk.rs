//! An in-memory disk that fails on command.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::journal::Disk;

/// A file. A separate copy holds the part of its content that would survive a power failure.
#[derive(Debug, Clone, Default)]
pub(super) struct Medium(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    restarted: Condvar,
    killed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The content that the kernel returns to readers.
    bytes: Vec<u8>,
    /// The content after a power failure.
    synced: Vec<u8>,
    /// The maximum size of the file, in bytes, or `None` if the disk never becomes full.
    capacity: Option<usize>,
    armed: Option<Armed>,
    /// The number of refused operations.
    refused: usize,
    is_killed: bool,
    /// The number of the current process. Operations by earlier processes have no effect.
    process: u32,
}

/// A scheduled disk fault.
#[derive(Debug, Clone, Copy)]
struct Armed {
    /// The number of operations that still succeed before the fault.
    after: u8,
    /// The number of bytes that the failing operation still writes. A failing operation that is not a write takes effect only if
    /// this number is odd.
    torn: usize,
    kills: bool,
}

/// The file, as opened by one process.
#[derive(Debug)]
struct Opened {
    shared: Arc<Shared>,
    process: u32,
    position: usize,
}

// === impl Medium ===

impl Medium {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    pub(super) fn of(bytes: Vec<u8>) -> Self {
        let medium = Self::default();
        medium.state().bytes = bytes;
        medium
    }

    pub(super) fn open(&self) -> Box<dyn Disk> {
        Box::new(Opened {
            shared: Arc::clone(&self.0),
            process: self.state().process,
            position: 0,
        })
    }

    /// Makes one operation fail, after `after` successful operations.
    pub(super) fn refuse(&self, after: u8, torn: usize) {
        let kills = false;
        self.state().armed = Some(Armed { after, torn, kills });
    }

    /// Kills the process during one operation, after `after` successful operations.
    pub(super) fn kill(&self, after: u8, torn: usize) {
        let kills = true;
        self.state().armed = Some(Armed { after, torn, kills });
    }

    /// Limits the growth of the file to `free` more bytes, as on a disk that is almost full.
    pub(super) fn fill(&self, free: usize) {
        let mut state = self.state();
        state.capacity = Some(state.bytes.len() + free);
    }

    pub(super) fn heal(&self) {
        let mut state = self.state();
        (state.capacity, state.armed) = (None, None);
    }

    pub(super) fn refused(&self) -> usize {
        self.state().refused
    }

    /// Returns true if a fault is scheduled.
    pub(super) fn is_armed(&self) -> bool {
        self.state().armed.is_some()
    }

    pub(super) fn is_killed(&self) -> bool {
        self.state().is_killed
    }

    /// Waits until the process is killed.
    pub(super) async fn killed(&self) {
        while !self.is_killed() {
            self.0.killed.notified().await;
        }
    }

    /// Terminates the process. If `power_cut` is true, also discards the content that was not synced.
    pub(super) fn crash(&self, power_cut: bool) {
        let mut state = self.state();
        state.process += 1;
        state.is_killed = false;
        if state.armed.is_some_and(|armed| armed.kills) {
            state.armed = None;
        }
        if power_cut {
            state.bytes = state.synced.clone();
        }
        self.0.restarted.notify_all();
    }

    /// Returns the file's content after a process crash, and its content after a power failure.
    pub(super) fn survivors(&self) -> [Vec<u8>; 2] {
        let state = self.state();
        [state.bytes.clone(), state.synced.clone()]
    }
}

// === impl Opened ===

impl Opened {
    /// Calls `act` with the number of bytes that `act` may write. If a scheduled fault is due, applies the fault.
    fn operate<T>(&self, act: impl FnOnce(&mut State, usize) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.shared.state.lock().unwrap();
        if state.process != self.process {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match &mut state.armed {
            Some(Armed {
                after: 0,
                torn,
                kills,
            }) => {
                let (torn, kills) = (*torn, *kills);
                state.armed = None;
                let _ = act(&mut state, torn);
                if kills {
                    state.is_killed = true;
                    self.shared.killed.notify_one();
                    let is_dead = |state: &mut State| state.process == self.process;
                    drop(self.shared.restarted.wait_while(state, is_dead).unwrap());
                } else {
                    state.refused += 1;
                }
                return Err(io::Error::other("the disk refused the operation"));
            }
            Some(armed) => armed.after -= 1,
            None => {}
        }
        act(&mut state, usize::MAX)
    }
}

impl Disk for Opened {
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.operate(|state, limit| {
            if limit % 2 == 1 {
                state.bytes.resize(usize::try_from(length).unwrap(), 0);
            }
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.operate(|state, limit| {
            if limit % 2 == 1 {
                state.synced = state.bytes.clone();
            }
            Ok(())
        })
    }
}

impl Write for Opened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let position = self.position;
        let written = self.operate(|state, limit| {
            let room = state
                .capacity
                .unwrap_or(usize::MAX)
                .saturating_sub(position);
            let length = bytes.len().min(limit).min(room);
            if room == 0 && !bytes.is_empty() {
                state.refused += 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            let end = position + length;
            if state.bytes.len() < end {
                state.bytes.resize(end, 0);
            }
            state.bytes[position..end].copy_from_slice(&bytes[..length]);
            Ok(length)
        })?;
        self.position += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Opened {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let state = self.shared.state.lock().unwrap();
        let rest = state.bytes.get(self.position..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        self.position += length;
        Ok(length)
    }
}

impl Seek for Opened {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(position) = to else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        self.position = usize::try_from(position).unwrap();
        Ok(position)
    }
}
