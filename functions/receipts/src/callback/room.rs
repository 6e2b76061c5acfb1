//! Keeps callbacks that arrive slowly, or many at once, from taking more memory than there is for them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use homing_domain::{AppId, Channel};

/// Bytes of all callbacks that are read at the same time in one process: 64 of the largest, or tens of thousands of usual ones.
const ALL_MAX_BYTES: usize = 64 * 1_024 * 1_024;
/// The same of one app's vendor: whoever knows one address takes an eighth, and the others go on.
const ONE_MAX_BYTES: usize = 8 * 1_024 * 1_024;
/// A callback counts at least as so many bytes: its headers and its task take them, also without a body.
const EACH_BYTES: usize = 1_024;

/// Whose callbacks.
type Line = (AppId, Channel);

/// What is being read. A callback is in it until it was answered.
#[derive(Debug, Default)]
pub(crate) struct Room(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Only those that have something in it.
    by_line: HashMap<Line, usize>,
}

/// Bytes of a callback, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    room: &'a Room,
    line: Line,
    bytes: usize,
}

impl Room {
    /// A place for a callback of at most so many bytes. `None` = it is full, come back later.
    pub(crate) fn enter(&self, app: &AppId, channel: Channel, bytes: usize) -> Option<Place<'_>> {
        let (line, bytes) = ((app.clone(), channel), bytes.max(EACH_BYTES));
        let mut taken = self.lock();
        let of_line = taken.by_line.get(&line).copied().unwrap_or_default() + bytes;
        if of_line > ONE_MAX_BYTES || taken.all + bytes > ALL_MAX_BYTES {
            return None;
        }
        taken.all += bytes;
        taken.by_line.insert(line.clone(), of_line);
        drop(taken);
        Some(Place { room: self, line, bytes })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.room.lock();
        taken.all -= self.bytes;
        if let Some(of_line) = taken.by_line.get_mut(&self.line) {
            *of_line -= self.bytes;
            if *of_line == 0 {
                taken.by_line.remove(&self.line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(number: usize) -> AppId {
        format!("app-{number}").parse().unwrap()
    }

    #[test]
    fn one_line_leaves_room_for_others_and_all_together_have_an_end() {
        let room = Room::default();
        let mut places: Vec<_> =
            (0..8).map(|_| room.enter(&app(0), Channel::Vivo, ONE_MAX_BYTES / 8).unwrap()).collect();
        assert!(room.enter(&app(0), Channel::Vivo, 1).is_none());
        places.push(room.enter(&app(0), Channel::Oppo, 1).unwrap());
        for number in 1.. {
            let Some(place) = room.enter(&app(number), Channel::Vivo, ONE_MAX_BYTES) else { break };
            places.push(place);
        }
        // What the one with a single byte takes is missing for the last of eight.
        assert_eq!((places.len(), room.lock().all), (9 + 6, 7 * ONE_MAX_BYTES + EACH_BYTES));
        drop(places);
        let taken = room.lock();
        assert_eq!((taken.all, taken.by_line.len()), (0, 0), "nothing is kept of whoever is gone");
    }

    #[test]
    fn a_callback_without_a_body_counts_too() {
        let room = Room::default();
        let places: Vec<_> = std::iter::from_fn(|| room.enter(&app(0), Channel::Vivo, 0)).collect();
        assert_eq!(places.len(), ONE_MAX_BYTES / EACH_BYTES);
    }
}
