//! A running node, asked over HTTP.

mod first_steps;
mod queries;
mod support;
