//! The memory through which a page and the module talk: texts as a pointer and a length.
//!
//! A page asks for room ([`snnc_room`]), writes its request there and hands it over
//! ([`snnc_answer`]). The answer begins with its length, four bytes from the lowest to the
//! highest, and is given back when it is read ([`snnc_done`]).

/// Room for a request of `length` bytes, which [`snnc_answer`] takes over.
#[unsafe(no_mangle)]
pub extern "C" fn snnc_room(length: u32) -> *mut u8 {
    let room = vec![0_u8; length as usize].into_boxed_slice();
    Box::into_raw(room).cast()
}

/// Answers a request, and takes its room.
///
/// # Safety
/// `request` comes from [`snnc_room`] with this `length`, and was not handed over before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn snnc_answer(request: *mut u8, length: u32) -> *mut u8 {
    let bytes = std::ptr::slice_from_raw_parts_mut(request, length as usize);
    // SAFETY: it was made by `snnc_room` from a box of this length, and is taken once.
    let request = unsafe { Box::from_raw(bytes) };
    let answer = match std::str::from_utf8(&request) {
        Ok(request) => super::answer(request),
        Err(_) => super::refusal("the request is not UTF-8"),
    };
    let mut out = (answer.len() as u32).to_le_bytes().to_vec();
    out.extend_from_slice(answer.as_bytes());
    Box::into_raw(out.into_boxed_slice()).cast()
}

/// Takes an answer that has been read.
///
/// # Safety
/// `answer` comes from [`snnc_answer`], and was not given back before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn snnc_done(answer: *mut u8) {
    // SAFETY: an answer begins with its length.
    let length = u32::from_le_bytes(unsafe { answer.cast::<[u8; 4]>().read_unaligned() });
    let bytes = std::ptr::slice_from_raw_parts_mut(answer, 4 + length as usize);
    // SAFETY: it was made by `snnc_answer` from a box of this length, and is taken once.
    drop(unsafe { Box::from_raw(bytes) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_go_in_and_come_out() {
        let request = b"{}";
        let room = snnc_room(request.len() as u32);
        // SAFETY: the room is as long as the request; the answer begins with its length and is
        // given back once.
        let answer = unsafe {
            std::ptr::copy_nonoverlapping(request.as_ptr(), room, request.len());
            let answer = snnc_answer(room, request.len() as u32);
            let length = u32::from_le_bytes(answer.cast::<[u8; 4]>().read_unaligned()) as usize;
            let text = std::slice::from_raw_parts(answer.add(4), length).to_vec();
            snnc_done(answer);
            text
        };
        assert!(String::from_utf8_lossy(&answer).contains("refused"));
    }
}
