//! Order: who comes first for a subject and a destination goes first; the next one waits until it is through.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::Failure;
use super::memory::Mark;

/// Most that wait in one lane.
pub const MOST_WAITING: usize = 64;

type Waiting = VecDeque<oneshot::Sender<Pass>>;

/// Lanes in which something is under way.
#[derive(Default)]
pub struct Lanes {
    busy: Mutex<HashMap<Mark, Waiting>>,
}

/// A place in a lane.
pub enum Place {
    /// At its front.
    First(Pass),
    /// Behind others.
    Behind(oneshot::Receiver<Pass>),
    /// Too many wait already.
    Full,
}

/// The front of a lane; dropped, it goes to the next.
pub struct Pass {
    lanes: Arc<Lanes>,
    lane: Mark,
    held: bool,
}

impl Lanes {
    /// Takes a place in each of these lanes, in one step: of two requests one is before the other in all lanes they share, so
    /// that neither can wait for the other in a circle.
    pub fn enter(self: &Arc<Self>, lanes: impl Iterator<Item = Mark>) -> Vec<Place> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let place = |lane: Mark| match busy.get_mut(&lane) {
            None => {
                busy.insert(lane, VecDeque::new());
                Place::First(Pass { lanes: Arc::clone(self), lane, held: true })
            }
            Some(waiting) if waiting.len() >= MOST_WAITING => Place::Full,
            Some(waiting) => {
                let (turn, wait) = oneshot::channel();
                waiting.push_back(turn);
                Place::Behind(wait)
            }
        };
        lanes.map(place).collect()
    }

    fn next(&self, lane: Mark) -> Option<oneshot::Sender<Pass>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let next = busy.get_mut(&lane)?.pop_front();
        if next.is_none() {
            busy.remove(&lane);
        }
        next
    }
}

impl Place {
    /// Waits for the front of the lane.
    ///
    /// # Errors
    /// When too many wait, or it takes too long.
    pub async fn front(self, deadline: Instant) -> Result<Pass, Failure> {
        match self {
            Place::First(pass) => Ok(pass),
            Place::Full => Err(Failure::Overloaded),
            Place::Behind(wait) => match timeout_at(deadline, wait).await {
                Ok(Ok(pass)) => Ok(pass),
                _ => Err(Failure::TimedOut),
            },
        }
    }
}

impl Drop for Pass {
    /// Who waits next may have given up: then its receiver is gone, and the pass comes back. If it gives up after it got the
    /// pass but before it looked, the pass is dropped there, and comes here again.
    fn drop(&mut self) {
        while self.held {
            let Some(next) = self.lanes.next(self.lane) else { return };
            let pass = Pass { lanes: Arc::clone(&self.lanes), lane: self.lane, held: true };
            match next.send(pass) {
                Ok(()) => self.held = false,
                Err(mut back) => back.held = false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::deliver::memory::Memory;

    #[tokio::test]
    async fn places_are_taken_in_order_and_a_waiter_that_gave_up_is_passed_over() {
        let lanes = Arc::new(Lanes::default());
        let lane = Memory::default().mark(("s", "x", "r"));
        let far = Instant::now() + Duration::from_secs(60);
        let mut places = lanes.enter([lane, lane, lane].into_iter());
        let (third, second, first) = (places.pop().unwrap(), places.pop().unwrap(), places.pop().unwrap());
        let pass = first.front(far).await.unwrap();
        drop(second);
        let third = tokio::spawn(third.front(far));
        drop(pass);
        drop(third.await.unwrap().unwrap());
        assert!(lanes.busy.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_lane_is_bounded() {
        let lanes = Arc::new(Lanes::default());
        let lane = Memory::default().mark(("s", "x", "r"));
        let places = lanes.enter(std::iter::repeat_n(lane, MOST_WAITING + 2));
        assert!(matches!(places.last(), Some(Place::Full)));
        drop(places);
        assert!(lanes.busy.lock().unwrap().is_empty());
    }
}
