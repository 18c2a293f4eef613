//! Executes the step IR naively: the oracle that generated code is compared with.
