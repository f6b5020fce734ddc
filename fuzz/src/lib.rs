//! The fuzz targets, which are those of `tests/fuzz` and of `tools/tests/fuzz`.

#[path = "../../tools/tests/fuzz/inspector.rs"]
pub mod inspector;
#[path = "../../tests/fuzz/targets/mod.rs"]
pub mod targets;

/// What the seeds are made of; the fuzzer reads them from their files.
pub mod replay {
    /// Inputs, each with the name of its file.
    pub type Seeds = Vec<(String, Vec<u8>)>;
}

#[global_allocator]
static MEMORY: targets::memory::Noting = targets::memory::Noting;
