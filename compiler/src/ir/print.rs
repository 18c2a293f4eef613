//! The step IR as text, for snapshots and for people.
