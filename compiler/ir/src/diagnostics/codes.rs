//! The register of diagnostic codes. Numbers are never reused.
//!
//! E01 source text, E02 types and shapes, E03 clocks and timing, E04 names, E05 graph,
//! E06 data and import, E07 ranges and bits, E08 placement, E09 execution, E10 training; W..
//! warnings likewise. Each code has a page `explain/CODE.md`: its first line is the summary; an
//! example marked `snn,fails` must give the code, one marked `snn` must be accepted.

use super::Severity;

macro_rules! codes {
    ($($code:ident)*) => {
        /// A diagnostic code; see the page of each with `snnc explain CODE`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum Code { $($code),* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Code] = &[$(Code::$code),*];

            /// As it is written: `E0312`.
            pub fn name(self) -> &'static str {
                match self { $(Code::$code => stringify!($code)),* }
            }

            /// Its page, in Markdown.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$code => include_str!(concat!("explain/", stringify!($code), ".md"))),* }
            }
        }
    };
}

codes! {
    E0101 E0102 E0103 E0104 E0105
    E0201 E0202 E0203 E0204 E0205 E0206 E0207 E0208 E0209 E0210 E0211 E0213
    E0301 E0302 E0303 E0304 E0305 E0306 E0307 E0308 E0311 E0312
    E0401 E0402 E0403 E0404 E0405 E0406 E0407 E0408 E0409 E0410
    E0501 E0502 E0504 E0505 E0506
    E0601 E0602 E0603 E0604 E0605 E0606 E0607 E0608 E0610 E0611 E0612 E0613
    E0701 E0702 E0703
    E0801 E0802 E0803 E0804 E0805 E0806 E0807 E0808 E0809 E0810 E0811 E0812 E0813 E0814 E0815
    E0901 E0902 E0903 E0904 E0905 E0906 E0907 E0908 E0909 E0910 E0911
    E1001 E1002 E1003 E1004 E1005 E1006 E1007 E1008 E1009 E1010 E1011 E1012 E1013 E1014
    W0301 W0302 W0303 W0304
    W0401 W0402
    W0701 W0702
    W0801 W0812
    W1001
}

impl Code {
    /// Errors begin with E, warnings with W.
    pub fn severity(self) -> Severity {
        if self.name().starts_with('W') { Severity::Warning } else { Severity::Error }
    }

    /// The code of that name, whatever its case.
    pub fn from_name(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|c| c.name().eq_ignore_ascii_case(name))
    }

    /// The first line of its page.
    pub fn summary(self) -> &'static str {
        self.explanation().lines().next().unwrap_or_default().trim_start_matches("# ")
    }
}
