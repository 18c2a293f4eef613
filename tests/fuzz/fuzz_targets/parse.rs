//! No text makes the parser panic; what it accepts, the formatter keeps and leaves alone
//! the second time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snn_grammar::{format, parse, parse_expr};

fuzz_target!(|text: &str| {
    for error in parse(text).errors {
        let place = text.get(error.span.start as usize..error.span.end as usize);
        assert!(place.is_some(), "{error:?} is no place in the text");
    }
    if let Ok(formatted) = format(text) {
        assert_eq!(format(&formatted).as_deref(), Ok(formatted.as_str()));
    }
    let _ = parse_expr(text);
});
