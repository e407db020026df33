//! `pandan node`: runs a node until it is asked to stop.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use etcetera::BaseStrategy;
use pandan_node::{Config, Storage};
use serde_json::json;

use crate::config::{Durable, File, LogLevel};
use crate::failure::usage;
use crate::limits::{Limit, NodeLimits, limits_help};
use crate::listen::Listen;
use crate::logging;
use crate::neighbours::Watcher;
use crate::network::NetworkArgs;
use crate::output::Output;
use crate::running::RunningNode;
use crate::style::{BOLD, DIM, VALUE, paint};

/// Run a node until it is asked to stop (SIGINT, SIGTERM)
#[derive(Args, Debug)]
#[command(after_help = limits_help())]
pub(crate) struct RunNode {
    /// File with settings; without it ./pandan.toml or pandan/config.toml in the folder for
    /// configuration of the system, if they exist
    #[arg(long, short, value_name = "FILE", env = "PANDAN_CONFIG")]
    config: Option<PathBuf>,

    /// Folder in which to keep data; made if it does not exist [default: pandan in the folder for
    /// data of the system]
    #[arg(long, value_name = "DIR", env = "PANDAN_DATA_DIR")]
    data_dir: Option<PathBuf>,

    /// Keep data in memory, whatever folder is set; it is gone when the node stops
    #[arg(long)]
    in_memory: bool,

    /// Where to listen for HTTP, port 0 for a free one, `off` for nowhere [default:
    /// 127.0.0.1:2020]
    #[arg(long, value_name = "HOST:PORT", env = "PANDAN_HTTP", value_parser = Listen::http)]
    http: Option<Listen>,

    #[command(flatten)]
    network: NetworkArgs,

    /// What a crash of the machine may take [default: full]
    #[arg(long, value_name = "MODE", env = "PANDAN_DURABILITY")]
    durability: Option<Durable>,

    /// How large the database may become [default: as large as the disk allows]
    #[arg(long, value_name = "BYTES", env = "PANDAN_QUOTA_BYTES")]
    quota_bytes: Option<u64>,

    /// How much to tell on standard error [default: warn]
    #[arg(long, value_name = "LEVEL", env = "PANDAN_LOG_LEVEL")]
    log_level: Option<LogLevel>,

    /// Change a limit, such as page=500 or depth=16; may be given several times
    #[arg(long = "limit", value_name = "NAME=VALUE", env = "PANDAN_LIMIT", value_delimiter = ',')]
    limits: Vec<Limit>,
}

impl RunNode {
    pub(crate) fn run(self, out: Output) -> anyhow::Result<()> {
        let file = self.read_file()?;
        logging::start(self.log_level.or(file.log_level).unwrap_or(LogLevel::Warn));
        let mut config = self.merge(file)?;
        let data_dir = match &config.storage {
            Storage::Folder(folder) => Some(folder.clone()),
            Storage::Memory => None,
        };
        let watcher = match (&data_dir, &mut config.replication) {
            (Some(folder), Some(replication)) => {
                Some(Watcher::begin(folder.clone(), &mut replication.network)?)
            }
            _ => None,
        };
        let durability = format!("{:?}", config.durability).to_lowercase();
        let node = RunningNode::start(config)?;
        let addresses: Vec<_> = node.addresses().iter().map(ToString::to_string).collect();
        let url = node.url();
        let quic = node.quic_address().map(|address| address.to_string());
        let peer_id = node.peer_id().map(|id| id.to_string());
        let value = json!({
            "http": addresses,
            "quic": quic,
            "peer_id": peer_id,
            "graphql": url.as_ref().map(|url| format!("{url}/graphql")),
            "data_dir": data_dir,
            "durability": durability,
            "process": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        out.show(&value, || greeting(url.as_deref(), quic.zip(peer_id), data_dir.as_deref()))?;
        if let Some(watcher) = watcher {
            node.spawn(|node| watcher.watch(node));
        }
        node.wait_for_signal()?;
        out.say(&paint(DIM, "stopping…"))?;
        node.stop();
        Ok(())
    }

    fn read_file(&self) -> anyhow::Result<File> {
        let path = match &self.config {
            Some(path) => path.clone(),
            None => match default_files().into_iter().find(|path| path.exists()) {
                Some(path) => path,
                None => return Ok(File::default()),
            },
        };
        let shown = path.display();
        let text = fs::read_to_string(&path)
            .map_err(|error| usage(format!("cannot read the settings in {shown}: {error}")))?;
        File::parse(&text, &path).map_err(|error| usage(format!("{shown}: {error}")))
    }

    /// The command line and the environment win over the file, the file over defaults.
    fn merge(self, file: File) -> anyhow::Result<Config> {
        let mut config = Config::default();
        config.storage = match (self.in_memory, self.data_dir.or(file.data_dir)) {
            (true, _) => Storage::Memory,
            (false, Some(folder)) => Storage::Folder(folder),
            (false, None) => Storage::Folder(default_data_dir()?),
        };
        match self.http.or(file.http) {
            None => {}
            Some(Listen::Off) => config.http = None,
            Some(Listen::At(address)) => config.http = Some(address),
        }
        if let Some(durable) = self.durability.or(file.durability) {
            config.durability = durable.into();
        }
        config.quota_bytes = self.quota_bytes.or(file.quota_bytes);
        let mut limits = NodeLimits::default();
        for limit in file.limits.iter().chain(&self.limits) {
            limit.apply(&mut limits);
        }
        config.limits = limits.clients;
        config.replication = self.network.merge(file.network, limits.peers)?;
        Ok(config)
    }
}

fn default_files() -> Vec<PathBuf> {
    let system = etcetera::choose_base_strategy().ok();
    let system = system.map(|dirs| dirs.config_dir().join("pandan").join("config.toml"));
    [PathBuf::from("pandan.toml")].into_iter().chain(system).collect()
}

/// Where data is kept unless told otherwise.
pub(crate) fn default_data_dir() -> anyhow::Result<PathBuf> {
    let dirs = etcetera::choose_base_strategy()
        .context("this system has no folder for data; name one with --data-dir")?;
    Ok(dirs.data_dir().join("pandan"))
}

fn greeting(
    url: Option<&str>,
    network: Option<(String, String)>,
    data_dir: Option<&Path>,
) -> String {
    let mut text = paint(BOLD, format!("pandan {}\n", env!("CARGO_PKG_VERSION")));
    text += &match url {
        Some(url) => format!("GraphQL  {}\n", paint(VALUE, format!("{url}/graphql"))),
        None => String::from("GraphQL  off\n"),
    };
    text += &match network {
        Some((address, id)) => {
            format!("nodes    {} as {}\n", paint(VALUE, address), paint(VALUE, id))
        }
        None => String::from("nodes    offline\n"),
    };
    text += &match data_dir {
        Some(folder) => {
            let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
            format!("data     {}\n", paint(VALUE, folder.display()))
        }
        None => String::from("data     in memory, gone when the node stops\n"),
    };
    text + &paint(DIM, "Ctrl-C stops it.")
}
