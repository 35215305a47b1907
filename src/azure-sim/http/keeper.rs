//! Who writes the world down while it is served.
//!
//! One thread owns the file. Changes reach it in the order in which they happened; those that wait for it together are
//! written together. A ticket names the place of a change in that order: an answer is sent once its ticket is written.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;

use super::store::Store;
use crate::model::{Change, World};

/// How long what is not urgent may wait.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);

/// Changes written in one go at most, so that nobody waits for too long.
const AT_ONCE: usize = 50_000;

struct Batch {
    ticket: u64,
    /// Why there are none, where a change has no written form.
    changes: Result<Vec<Change>, String>,
}

/// How far the file is: everything up to a ticket is written, or it cannot be written at all.
type Progress = Result<u64, String>;

pub(super) struct Keeper {
    sender: Mutex<Option<mpsc::Sender<Batch>>>,
    progress: watch::Receiver<Progress>,
    given: AtomicU64,
    moved: AtomicBool,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    /// Starts the thread.
    pub(super) fn start(store: Store) -> anyhow::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let (tell, progress) = watch::channel(Ok(0));
        let writer = std::thread::Builder::new()
            .name("azure-sim state".into())
            .spawn(move || write(&store, &receiver, &tell))
            .context("cannot start the thread that writes the state")?;
        Ok(Self {
            sender: Mutex::new(Some(sender)),
            progress,
            given: AtomicU64::new(0),
            moved: AtomicBool::new(false),
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Hands over what is urgent, and says what to wait for. To be called before the world is let go of.
    pub(super) fn take(&self, world: &mut World) -> u64 {
        if world.has_urgent_changes() {
            self.hand_over(world);
        } else {
            self.moved.store(true, Ordering::Relaxed);
        }
        // Also for whoever only read: what was read may not be written yet.
        self.given.load(Ordering::Acquire)
    }

    /// Hands over the rest, when there is any.
    pub(super) fn take_rest(&self, world: &mut World) {
        if self.moved.swap(false, Ordering::Relaxed) || world.has_urgent_changes() {
            self.hand_over(world);
        }
    }

    fn hand_over(&self, world: &mut World) {
        let changes = world.changes().map_err(|error| error.to_string());
        let ticket = self.given.fetch_add(1, Ordering::AcqRel) + 1;
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = sender.as_ref() {
            // It fails when the writer ended, which it told whoever waits.
            let _ = sender.send(Batch { ticket, changes });
        }
    }

    /// Waits until a ticket is written.
    ///
    /// # Errors
    /// Why it never will be.
    pub(super) async fn written(&self, ticket: u64) -> Result<(), String> {
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|p| p.as_ref().map_or(true, |written| *written >= ticket)).await;
        match reached {
            Ok(progress) => progress.as_ref().map(|_| ()).map_err(Clone::clone),
            Err(_) => Err("the simulator is stopping".into()),
        }
    }

    /// Waits until writing fails.
    pub(super) async fn failed(&self) {
        let mut progress = self.progress.clone();
        if progress.wait_for(Result::is_err).await.is_err() {
            // It ended well: there is nothing to wait for.
            std::future::pending::<()>().await;
        }
    }

    /// Writes the rest, and that it is all.
    pub(super) fn finish(&self, world: &mut World) {
        self.hand_over(world);
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
            && writer.join().is_err()
        {
            tracing::error!("the thread that writes the state did not end well");
        }
    }
}

fn write(store: &Store, receiver: &mpsc::Receiver<Batch>, tell: &watch::Sender<Progress>) {
    while let Ok(Batch { mut ticket, mut changes }) = receiver.recv() {
        while let Ok(some) = &mut changes
            && some.len() < AT_ONCE
            && let Ok(more) = receiver.try_recv()
        {
            ticket = more.ticket;
            match more.changes {
                Ok(more) => some.extend(more),
                // None of them is written, and whoever waits for one of them is told so.
                Err(why) => changes = Err(why),
            }
        }
        match changes.and_then(|changes| store.write(&changes).map_err(|error| format!("{error:#}"))) {
            Ok(()) => {
                // What was there before is of no interest.
                let _ = tell.send_replace(Ok(ticket));
            }
            Err(error) => {
                tracing::error!(error, "the state cannot be written");
                let _ = tell.send_replace(Err(format!("the state cannot be written: {error}")));
                // What was written is a whole state; what follows would have a hole before it.
                return;
            }
        }
    }
    if let Err(error) = store.end() {
        tracing::error!(error = format!("{error:#}"), "cannot write that the state is complete");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Config;

    #[tokio::test]
    async fn what_has_no_written_form_is_told_to_who_waits_and_the_file_keeps_what_it_had() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::default();
        let mut world = World::new(config.clone());
        let group = format!("/subscriptions/{}/resourcegroups/rg-shop", config.subscription_id);
        let before = world.resource(&group).cloned().unwrap();
        {
            let store = Store::open(dir.path()).unwrap();
            world.watch();
            store.begin("127.0.0.1:1", &world.changes().unwrap()).unwrap();
            let keeper = Keeper::start(store).unwrap();
            world.resources.get_mut(&group).unwrap().body = (0..300).fold(json!(1), |inner, _| json!([inner]));
            let ticket = keeper.take(&mut world);
            let why = keeper.written(ticket).await.unwrap_err();
            assert!(why.contains("a record of 'resource' cannot be written"), "{why}");
            // The program ends by it.
            keeper.failed().await;
            keeper.finish(&mut world);
        }
        let found = Store::open(dir.path()).unwrap().load(&config).unwrap().unwrap();
        assert_eq!(found.world.resource(&group), Some(&before));
    }
}
