//! The widest registers of the machine at hand, for a program that is compiled for all. Without
//! `std` nobody can ask the machine: then they are those that the program is compiled for.

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
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    {
        if std::is_x86_feature_detected!("avx512bw")
            && std::is_x86_feature_detected!("avx512vl")
            && std::is_x86_feature_detected!("avx512dq")
        {
            // SAFETY: this machine has the features, and those that they imply.
            return unsafe { with_avx512(work) };
        }
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: this machine has the feature, and those that it implies.
            return unsafe { with_avx2(work) };
        }
    }
    work.run()
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[target_feature(enable = "avx512bw,avx512vl,avx512dq")]
fn with_avx512<W: Work>(work: W) -> W::Result {
    work.run()
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[target_feature(enable = "avx2")]
fn with_avx2<W: Work>(work: W) -> W::Result {
    work.run()
}
