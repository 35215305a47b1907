//! What those who watch are woken by.

use tokio::sync::watch;

/// Three things to wait for. Each only means looking again.
pub(super) struct News {
    /// The journal may have grown.
    written: watch::Sender<()>,
    /// Something may have changed: by a request that was no GET, an answer from outside, or by time.
    stirred: watch::Sender<()>,
    /// The server ends.
    over: watch::Sender<bool>,
}

impl News {
    pub(super) fn new() -> Self {
        let (written, stirred, over) = (watch::Sender::new(()), watch::Sender::new(()), watch::Sender::new(false));
        Self { written, stirred, over }
    }

    pub(super) fn written(&self) {
        self.written.send_replace(());
    }

    pub(super) fn stirred(&self) {
        self.stirred.send_replace(());
    }

    pub(super) fn over(&self) {
        self.over.send_replace(true);
    }

    pub(super) fn follow(&self) -> Following {
        Following { written: self.written.subscribe(), stirred: self.stirred.subscribe(), over: self.over.subscribe() }
    }
}

/// One watcher's end of it.
pub(super) struct Following {
    pub(super) written: watch::Receiver<()>,
    pub(super) stirred: watch::Receiver<()>,
    pub(super) over: watch::Receiver<bool>,
}
