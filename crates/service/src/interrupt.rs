//! Tells a loop that runs in front of a person that they want it to end.

use anyhow::Context as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};

/// Whether SIGINT or SIGTERM came.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn listen() -> anyhow::Result<Self> {
        let came = Arc::new(AtomicBool::new(false));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().build().context("cannot listen for signals")?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            let interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
            (interrupt, signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?)
        };
        let told = came.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                });
                told.store(true, Ordering::Relaxed);
            })
            .context("cannot start a thread")?;
        Ok(Self(came))
    }

    /// Tells whether one came.
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
