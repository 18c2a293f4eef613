//! Elements of what was recorded.

use snn_runtime::network::ElementType;

/// Element `n` of little-endian values; not a number where there is none.
pub fn number(element: ElementType, bytes: &[u8], n: usize) -> f64 {
    let size = element.size();
    let at = n.saturating_mul(size);
    bytes.get(at..at.saturating_add(size)).map_or(f64::NAN, |bytes| decode(element, bytes))
}

/// Element `n` of little-endian integers, exactly; 0 where there is none.
pub fn integer(element: ElementType, bytes: &[u8], n: usize) -> i64 {
    match (element, bytes.chunks_exact(8).nth(n)) {
        (ElementType::I64, Some(&[a, b, c, d, e, f, g, h])) => {
            i64::from_le_bytes([a, b, c, d, e, f, g, h])
        }
        _ => number(element, bytes, n) as i64,
    }
}

/// An element from its little-endian bytes, as many as [`ElementType::size`] says.
fn decode(element: ElementType, bytes: &[u8]) -> f64 {
    let mut all = [0; 8];
    for (to, from) in all.iter_mut().zip(bytes) {
        *to = *from;
    }
    let bits = u64::from_le_bytes(all);
    // Narrower types are the low bits.
    match element {
        ElementType::Bool | ElementType::U8 => f64::from(bits as u8),
        ElementType::I8 => f64::from(bits as u8 as i8),
        ElementType::I16 => f64::from(bits as u16 as i16),
        ElementType::U16 => f64::from(bits as u16),
        ElementType::I32 => f64::from(bits as u32 as i32),
        ElementType::U32 => f64::from(bits as u32),
        ElementType::I64 => bits as i64 as f64,
        ElementType::F32 => f64::from(f32::from_bits(bits as u32)),
        ElementType::F64 => f64::from_bits(bits),
    }
}
