//! Ctrl-C, and requests to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask this process to end.
#[derive(Debug)]
pub(crate) struct Interrupt {
    signals: [(Signal, u8); 3],
}

impl Interrupt {
    /// Takes them from now on.
    pub(crate) fn new() -> io::Result<Self> {
        let take = |kind: SignalKind| -> io::Result<(Signal, u8)> {
            Ok((
                signal(kind)?,
                u8::try_from(kind.as_raw_value()).unwrap_or_default(),
            ))
        };
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let [interrupt, terminate, hangup] = kinds;
        Ok(Self {
            signals: [take(interrupt)?, take(terminate)?, take(hangup)?],
        })
    }

    /// Waits for one of them and returns its number. None is lost when this is dropped and called again.
    pub(crate) async fn wait(&mut self) -> u8 {
        let [(first, a), (second, b), (third, c)] = &mut self.signals;
        tokio::select! {
            _ = first.recv() => *a,
            _ = second.recv() => *b,
            _ = third.recv() => *c,
        }
    }
}
