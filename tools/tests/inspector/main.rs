//! Runs the inspector as users do, on sound, torn, damaged and growing directories made by the log itself.

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
mod redis;
mod repair;
mod replay;
mod streams;
mod table;
#[path = "../../../tests/common/waiting.rs"]
mod waiting;
