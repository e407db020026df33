//! Finding nodes and staying connected with them.

mod addresses;
#[cfg(feature = "mdns")]
mod found;
mod keeper;
#[cfg(feature = "mdns")]
mod mdns;
mod peers_file;
mod redial;

use std::net::SocketAddr;
use std::sync::Arc;

pub(crate) use keeper::{Keeper, Order};
use tokio::sync::mpsc;

use crate::{BindError, Config, network::Inner};

/// Begins to dial, and to look around.
pub(crate) fn start(
    inner: &Arc<Inner>,
    config: &Config,
    seed: [u8; 32],
    orders: mpsc::Receiver<Order>,
    address: SocketAddr,
) -> Result<(), BindError> {
    keeper::start(inner.clone(), config, seed, orders);
    if config.mdns {
        look_around(inner, config, address)?;
    }
    Ok(())
}

#[cfg(feature = "mdns")]
fn look_around(inner: &Arc<Inner>, config: &Config, address: SocketAddr) -> Result<(), BindError> {
    Ok(mdns::start(inner.clone(), address, config.mdns_interval)?)
}

#[cfg(not(feature = "mdns"))]
fn look_around(_: &Arc<Inner>, _: &Config, _: SocketAddr) -> Result<(), BindError> {
    Err(BindError::NoMdns)
}
