//! The `pandan` program: a p2panda node, and everything around it on the command line.
#![forbid(unsafe_code)]

mod arguments;
mod cbor;
mod client;
mod commands;
mod config;
mod definitions;
mod demo;
mod failure;
mod fields;
mod folder;
mod follow;
mod keys;
mod limits;
mod listen;
mod logging;
mod nearest;
mod neighbours;
mod network;
mod output;
mod proof;
mod publisher;
mod remote;
mod running;
mod schema;
mod style;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.apply();
    match commands::run(arguments.command, Output::new(arguments.json)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error, arguments.json),
    }
}
