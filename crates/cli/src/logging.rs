//! What the node tells while it runs, on standard error.

use std::io;

use tracing_subscriber::filter::LevelFilter;

use crate::config::LogLevel;

/// Begins to write what happens from this level on.
pub(crate) fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let colours = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let subscriber =
        tracing_subscriber::fmt().with_max_level(level).with_ansi(colours).with_writer(io::stderr);
    // Fails only where somebody listens already.
    let _ = subscriber.try_init();
}
