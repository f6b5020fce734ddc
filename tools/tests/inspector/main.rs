//! The inspector as its users run it: on directories made by the log itself, whole, torn, damaged and growing.

mod belonging;
#[allow(dead_code, reason = "the server's tests use more of it")]
#[path = "../../../tests/mixtures/cases.rs"]
mod cases;
mod common;
mod damage;
mod filters;
mod follow;
#[allow(dead_code, reason = "the server's tests use more of it")]
#[path = "../../../tests/mixtures/life.rs"]
mod life;
mod lists;
mod origins;
mod outputs;
mod repair;
mod replay;
mod table;
#[path = "../../../tests/common/waiting.rs"]
mod waiting;
