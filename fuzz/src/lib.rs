//! The fuzz targets, which are those of `tests/fuzz`.

#[path = "../../tests/fuzz/targets/mod.rs"]
pub mod targets;

#[global_allocator]
static MEMORY: targets::memory::Noting = targets::memory::Noting;
