//! Room for the parts of an upload: how many are on their way at once, and their buffers, which are used again. To ask for
//! each anew would leave the allocator with pieces that it does not give back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many parts are on their way at once.
const AT_ONCE: usize = 4;
/// Parts so large, in bytes, go one at a time.
const LARGE: usize = 32 * 1024 * 1024;

/// Room for parts; clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Room {
    slots: Arc<Semaphore>,
    free: Arc<Mutex<Vec<BytesMut>>>,
}

/// The place of a part that is on its way. Its buffer is free again with it.
#[derive(Debug)]
pub(super) struct Slot {
    room: Room,
    part: Bytes,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Room for the parts of `size` bytes that may be on their way at once.
    pub(super) fn of(size: usize) -> Self {
        let slots = Arc::new(Semaphore::new((LARGE / size.max(1)).clamp(1, AT_ONCE)));
        Self { slots, free: Arc::default() }
    }

    /// An empty buffer for `size` bytes.
    pub(super) fn buffer(&self, size: usize) -> BytesMut {
        let free = self.free().pop().filter(|buffer| buffer.capacity() >= size);
        free.unwrap_or_else(|| BytesMut::with_capacity(size))
    }

    /// Waits for a place for a part.
    pub(super) async fn slot(&self, part: &Bytes) -> Slot {
        let permit = Arc::clone(&self.slots).acquire_owned().await.ok();
        Slot { room: self.clone(), part: part.clone(), _permit: permit }
    }

    fn free(&self) -> MutexGuard<'_, Vec<BytesMut>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Whoever sent it may still hold it for a moment; then its buffer is lost to the next one, and no more.
        if let Ok(mut buffer) = std::mem::take(&mut self.part).try_into_mut() {
            buffer.clear();
            self.room.free().push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_buffer_of_a_part_that_has_arrived_is_used_again() {
        let room = Room::of(1024);
        let mut buffer = room.buffer(1024);
        buffer.extend_from_slice(&[7; 1024]);
        let (place, part) = (buffer.as_ptr(), buffer.freeze());
        let slot = room.slot(&part).await;
        assert_ne!(room.buffer(1024).as_ptr(), place, "it is still on its way");
        drop(part);
        drop(slot);
        let again = room.buffer(1024);
        assert!(again.as_ptr() == place && again.is_empty() && again.capacity() >= 1024);
    }
}
