//! `cargo xtask sim`: plays simulated networks of nodes with the program in `bin/sim.rs`.

use anyhow::Result;
use clap::Args;

use crate::{command, test::build_program, workspace::Workspace};

/// Enough for dozens of networks.
const SMOKE_MINUTES: f64 = 1.0;

/// Which networks to play, and how long.
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// The seed of the first network, as a failure has printed it; a fresh one when left out
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Go on with one seed after the other for so long; one network only when left out
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// How many honest nodes each network has; as the seed says when left out
    #[arg(long, value_name = "K")]
    nodes: Option<usize>,
    /// Let people write in no schemas that are several states of a definition at a time
    #[arg(long)]
    plain_schemas: bool,
}

/// Builds the simulator and runs it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut simulator = workspace.command(build_program(workspace, "sim")?);
    let Options { seed, minutes, nodes, plain_schemas } = options;
    let numbers = [
        ("--seed", seed.map(|seed| seed.to_string())),
        ("--minutes", minutes.map(|minutes| minutes.to_string())),
        ("--nodes", nodes.map(|nodes| nodes.to_string())),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            simulator.args([name, &number]);
        }
    }
    if *plain_schemas {
        simulator.arg("--plain-schemas");
    }
    command::run(&mut simulator)
}

/// Plays fresh seeds for a short time.
pub(crate) fn smoke(workspace: &Workspace) -> Result<()> {
    run(workspace, &Options { minutes: Some(SMOKE_MINUTES), ..Options::default() })
}
