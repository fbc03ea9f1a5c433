//! x
use clap::Args;
#[derive(Debug, Args)]
/// a
pub struct DemoArgs {}
/// # Errors
/// e
pub fn run(_: &DemoArgs) -> anyhow::Result<bool> { Ok(true) }
