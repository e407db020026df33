//! Where a node can be reached: `IP:port` or `name:port`.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

use crate::limits::{HOST_LENGTH_MAX, RESOLVED_ADDRESSES_MAX};

/// An address to dial. Names are looked up again at every attempt, so a node whose IP address
/// changes is found under its name.
///
/// ```
/// use pandan_network::Address;
///
/// for text in ["192.0.2.1:2022", "[2001:db8::1]:2022", "node.example:2022"] {
///     let address: Address = text.parse()?;
///     assert_eq!(address.to_string(), text);
/// }
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Host {
    Ip(IpAddr),
    Name(Box<str>),
}

impl Address {
    /// The socket addresses behind it, the preferred one first, at most
    /// [`RESOLVED_ADDRESSES_MAX`].
    pub(crate) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.host {
            Host::Ip(ip) => Ok(vec![SocketAddr::new(*ip, self.port)]),
            Host::Name(name) => {
                let found = tokio::net::lookup_host((&**name, self.port)).await?;
                Ok(found.take(RESOLVED_ADDRESSES_MAX).collect())
            }
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self { host: Host::Ip(address.ip().to_canonical()), port: address.port() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(address.into());
        }
        let (name, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        let port = port.parse().map_err(|_| AddressError::Port { found: port.into() })?;
        if name.len() > HOST_LENGTH_MAX {
            return Err(AddressError::NameLength { limit: HOST_LENGTH_MAX, found: name.len() });
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(AddressError::Name { found: name.into() });
        }
        Ok(Self { host: Host::Name(name.into()), port })
    }
}

/// Text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is no colon.
    #[error("address has no port")]
    NoPort,
    /// What follows the last colon is no number of a port.
    #[error("{found:?} is not a port from 0 to 65535")]
    Port {
        /// What stands there.
        found: Box<str>,
    },
    /// The name is longer than any.
    #[error("host name has {found} bytes, at most {limit} are possible")]
    NameLength {
        /// Bytes of the longest name.
        limit: usize,
        /// Bytes found.
        found: usize,
    },
    /// The host is neither an IP address nor a name.
    #[error("{found:?} is neither an IP address nor a host name")]
    Name {
        /// What stands there.
        found: Box<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_texts_are_refused() {
        for (text, expected) in [
            ("", AddressError::NoPort),
            ("name", AddressError::NoPort),
            ("name:", AddressError::Port { found: "".into() }),
            ("name:65536", AddressError::Port { found: "65536".into() }),
            (":1", AddressError::Name { found: "".into() }),
            ("::1:1", AddressError::Name { found: "::1".into() }),
            ("a b:1", AddressError::Name { found: "a b".into() }),
        ] {
            assert_eq!(text.parse::<Address>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn names_are_bounded() {
        let name = "x".repeat(HOST_LENGTH_MAX);
        assert!(format!("{name}:1").parse::<Address>().is_ok());
        let error = AddressError::NameLength { limit: 253, found: 254 };
        assert_eq!(format!("x{name}:1").parse::<Address>(), Err(error));
    }

    #[tokio::test]
    async fn addresses_resolve() {
        let address: Address = "[::1]:7".parse().unwrap();
        assert_eq!(address.resolve().await.unwrap(), ["[::1]:7".parse().unwrap()]);
        let found = "localhost:7".parse::<Address>().unwrap().resolve().await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 7));
        assert!(!found.is_empty() && found.len() <= RESOLVED_ADDRESSES_MAX);
    }
}
