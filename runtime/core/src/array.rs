//! Arrays on the heap, aligned for the machine's widest registers.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use core::alloc::Layout;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// The alignment in bytes: a cache line, and the widest vector register.
const ALIGNMENT: usize = 64;

/// `N` elements on the heap, the first aligned to 64 bytes. It is used like a `[T; N]`.
///
/// A `Box<[T; N]>` is aligned to 8 or 16 bytes: every access of a 64-byte register would touch
/// two cache lines. Making one never puts the elements on the stack.
pub struct Array<T, const N: usize> {
    start: NonNull<[T; N]>,
}

// SAFETY: an array owns its elements, as a box does.
unsafe impl<T: Send, const N: usize> Send for Array<T, N> {}
// SAFETY: as above; sharing it shares its elements.
unsafe impl<T: Sync, const N: usize> Sync for Array<T, N> {}

impl<T: Copy, const N: usize> Array<T, N> {
    /// Elements that are all `value`.
    pub fn filled(value: T) -> Self {
        Self::from_fn(|_| value)
    }

    /// A copy of a slice.
    ///
    /// # Panics
    /// If the slice does not have `N` elements: constants are checked when they are loaded.
    pub fn copied(slice: &[T]) -> Self {
        assert_eq!(slice.len(), N, "a table has another length than the array it starts");
        Self::from_fn(|i| slice[i])
    }

    fn from_fn(element: impl Fn(usize) -> T) -> Self {
        let layout = Self::layout();
        if layout.size() == 0 {
            // Any aligned address serves elements without size.
            return Array { start: NonNull::<Aligned>::dangling().cast() };
        }
        // SAFETY: the size is not zero.
        let memory = unsafe { alloc(layout) }.cast::<[T; N]>();
        let Some(start) = NonNull::new(memory) else { handle_alloc_error(layout) };
        for i in 0..N {
            // SAFETY: the allocation has room for N elements and is aligned for them.
            unsafe { start.cast::<T>().add(i).write(element(i)) };
        }
        Array { start }
    }
}

/// Something with the alignment of an array.
#[repr(align(64))]
struct Aligned;

impl<T, const N: usize> Array<T, N> {
    fn layout() -> Layout {
        match Layout::new::<[T; N]>().align_to(ALIGNMENT) {
            Ok(layout) => layout,
            Err(_) => unreachable!("an array's size is at most isize::MAX"),
        }
    }
}

impl<T, const N: usize> Deref for Array<T, N> {
    type Target = [T; N];

    #[inline(always)]
    fn deref(&self) -> &[T; N] {
        // SAFETY: the elements were initialised, and live as long as the array.
        unsafe { self.start.as_ref() }
    }
}

impl<T, const N: usize> DerefMut for Array<T, N> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T; N] {
        // SAFETY: as above; the array is borrowed exclusively.
        unsafe { self.start.as_mut() }
    }
}

impl<T, const N: usize> Drop for Array<T, N> {
    fn drop(&mut self) {
        let layout = Self::layout();
        if layout.size() > 0 {
            // SAFETY: it was allocated with this layout. Elements are `Copy`: nothing to drop.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) };
        }
    }
}

impl<T: Copy, const N: usize> Clone for Array<T, N> {
    fn clone(&self) -> Self {
        Self::copied(&self[..])
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Array<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_aligned_and_hold_what_they_were_given() {
        let mut array = Array::<i32, 5>::copied(&[1, 2, 3, 4, 5]);
        array[2] = -3;
        assert_eq!(*array, [1, 2, -3, 4, 5]);
        assert_eq!(*array.clone(), *array);
        assert_eq!(*Array::<f64, 3>::filled(0.5), [0.5; 3]);
        assert!(Array::<u8, 0>::filled(1).is_empty());
        for address in [array.as_ptr() as usize, Array::<u8, 70>::filled(1).as_ptr() as usize] {
            assert_eq!(address % ALIGNMENT, 0);
        }
    }
}
