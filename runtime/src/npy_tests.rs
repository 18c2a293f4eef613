use super::*;

fn with_header(text: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn read(bytes: &[u8]) -> io::Result<(Header, Values)> {
    let mut from = bytes;
    let header = Header::read(&mut from)?;
    let values = read_values(&header, &mut from)?;
    Ok((header, values))
}

fn message(bytes: &[u8]) -> String {
    read(bytes).map_or_else(|e| e.to_string(), |v| format!("{v:?}"))
}

#[test]
fn a_header_reads_back_and_aligns_its_values() {
    for shape in [&[][..], &[7], &[60_000, 28, 28], &[1; 32]] {
        let header = Header::new(ElementType::U16, shape);
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        assert_eq!(bytes.len() % 64, 0);
        assert_eq!(Header::read(&mut bytes.as_slice()).unwrap(), header);
    }
}

#[test]
fn reads_every_element_type_in_either_byte_order() {
    let int = |descr: &str, data: &[u8]| {
        let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,)}}");
        read(&with_header(&text, data)).unwrap().1
    };
    assert_eq!(int("|b1", &[1]), Values::Bool(vec![true]));
    assert_eq!(int("|i1", &[0xff]), Values::Int(vec![-1]));
    assert_eq!(int("|u1", &[0xff]), Values::Int(vec![255]));
    assert_eq!(int("<i2", &[0x01, 0xff]), Values::Int(vec![-255]));
    assert_eq!(int(">u2", &[0x01, 0xff]), Values::Int(vec![511]));
    assert_eq!(int("<i4", &[2, 1, 0, 0x80]), Values::Int(vec![i64::from(i32::MIN) + 258]));
    assert_eq!(int(">u4", &[0xff, 0, 0, 1]), Values::Int(vec![0xff00_0001]));
    assert_eq!(int(">i8", &(-5i64).to_be_bytes()), Values::Int(vec![-5]));
    assert_eq!(int("<u8", &9u64.to_le_bytes()), Values::Int(vec![9]));
    assert_eq!(int(">f4", &1.25f32.to_be_bytes()), Values::Float(vec![1.25]));
    assert_eq!(int("<f8", &(-0.1f64).to_le_bytes()), Values::Float(vec![-0.1]));
}

#[test]
fn fortran_order_becomes_c_order() {
    let text = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }";
    let bytes = with_header(text, &[0, 0, 0, 10, 0, 1, 0, 11, 0, 2, 0, 12]);
    let (header, values) = read(&bytes).unwrap();
    assert_eq!(values, Values::Int(vec![0, 1, 2, 10, 11, 12]));
    let mut copied = Vec::new();
    let mut from = &bytes[bytes.len() - 12..];
    copy_values(&header, &mut from, &mut copied).unwrap();
    assert_eq!(copied, [0, 0, 1, 0, 2, 0, 10, 0, 11, 0, 12, 0]);
}

#[test]
fn copying_turns_values_to_little_endian() {
    let header = Header { big_endian: true, ..Header::new(ElementType::I32, &[40_000]) };
    let from: Vec<u8> = (0..40_000i32).flat_map(i32::to_be_bytes).collect();
    let mut to = Vec::new();
    copy_values(&header, &mut from.as_slice(), &mut to).unwrap();
    assert!((0..40_000i32).flat_map(i32::to_le_bytes).eq(to));
}

#[test]
fn accepts_what_other_writers_write() {
    let text = "{ \"shape\" : (2L,3L),\"fortran_order\":False , \"descr\": \"u1\" }  \n";
    assert_eq!(read(&with_header(text, &[5; 6])).unwrap().0.shape, [2, 3]);
    let scalar = "{'descr': '|u1', 'fortran_order': False, 'shape': ()}";
    assert_eq!(read(&with_header(scalar, &[5])).unwrap().1, Values::Int(vec![5]));
}

#[test]
fn refuses_what_it_cannot_read_and_says_why() {
    let descr = |d: &str| {
        let text = format!("{{'descr': {d}, 'fortran_order': False, 'shape': (1,)}}");
        message(&with_header(&text, &[0xff; 16]))
    };
    assert!(descr("'<f2'").contains("half precision"));
    assert!(descr("'<c16'").contains("complex"));
    assert!(descr("'<U4'").contains("`<U4` is not read"));
    assert!(descr("[('a', '<i4')]").contains("structured"));
    assert!(descr("'<u8'").contains("exceeds 2^63 - 1"));
    assert_eq!(message(b"PK\x03\x04 not npy"), "this is not a .npy file");
    assert!(message(b"\x93NUMPY\x07\x00....").contains("version 7.0"));
    let empty = with_header("{'descr': '<i4', 'shape': (1,)}", &[]);
    assert!(message(&empty).contains("no `fortran_order`"));
}

#[test]
fn a_false_shape_is_an_error_and_no_allocation() {
    for shape in ["(9223372036854775807,)", "(4294967296, 4294967296)", "(99999999999999999999,)"] {
        let text = format!("{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}}}");
        read(&with_header(&text, &[0; 8])).unwrap_err();
    }
    let long = "{'descr': '<i4', 'fortran_order': False, 'shape': (1000000000000,)}";
    assert_eq!(message(&with_header(long, &[0; 8])), "the data ends before all values");
    let header = Header { ..Header::new(ElementType::I32, &[1 << 40]) };
    copy_values(&header, &mut [0; 8].as_slice(), &mut Vec::new()).unwrap_err();
}

#[test]
fn every_cut_and_every_flipped_bit_is_survived() {
    let text = "{'descr': '<i4', 'fortran_order': True, 'shape': (2, 2), }";
    let whole = with_header(text, &[0; 16]);
    for n in 0..whole.len() {
        read(&whole[..n]).unwrap_err();
    }
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // Some flips still say something valid; what matters is that none panics, and
        // that what is read has as many values as it says.
        if let Ok((header, Values::Int(values))) = read(&bytes) {
            assert_eq!(header.shape.iter().product::<usize>(), values.len());
        }
    }
}
