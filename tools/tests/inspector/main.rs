//! The inspector as its users run it: on directories made by the log itself, whole, torn, damaged and growing.

mod common;
mod damage;
mod filters;
mod follow;
mod lists;
mod outputs;
mod repair;
mod replay;
mod table;
#[path = "../../../tests/common/waiting.rs"]
mod waiting;
