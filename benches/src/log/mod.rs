//! x
use crate::Outcome;
/// x
#[derive(clap::Args)]
pub struct Options {}
/// x
pub fn run(_: &Options) -> Outcome {
    Ok(())
}
