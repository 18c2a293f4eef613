//! The widest registers of the machine at hand, for a program that is compiled for all.

/// Work whose loops profit from wide registers. What it gives must not depend on their width.
pub trait Work {
    /// What it gives.
    type Result;

    /// Does it. To be compiled for several instruction sets, it must be inlined always.
    fn run(self) -> Self::Result;
}

/// Does work with the widest registers that this machine has.
#[inline]
pub fn widest<W: Work>(work: W) -> W::Result {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
        {
            // SAFETY: this machine has the features, and those that they imply.
            return unsafe { with_avx512(work) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: this machine has the feature, and those that it implies.
            return unsafe { with_avx2(work) };
        }
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bw,avx512vl,avx512dq")]
fn with_avx512<W: Work>(work: W) -> W::Result {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<W: Work>(work: W) -> W::Result {
    work.run()
}
