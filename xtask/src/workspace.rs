//! The workspace as cargo sees it, without its outside dependencies.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::command;

/// What all our crates are named after: `pandan-bamboo` lives in `crates/bamboo`.
const PREFIX: &str = "pandan-";

/// The part of `cargo metadata` that chores need.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One crate of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    /// Registries that it may go to: none listed means any, an empty list means never.
    publish: Option<Vec<String>>,
}

/// A line under one of the dependency tables of a manifest.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Option<String>,
    pub(crate) optional: bool,
}

/// A library, program, example, test or bench.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
}

impl Workspace {
    /// Asks cargo about the workspace that this program was started from.
    pub(crate) fn load() -> Result<Self> {
        // As `cargo run` says it: what was compiled in may be another clone that shares the
        // target folder.
        let folder = env::var_os("CARGO_MANIFEST_DIR").context("start this with `cargo xtask`")?;
        let manifest = Path::new(&folder).join("Cargo.toml");
        let answer = command::output(
            Command::new(cargo_program())
                .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
                .arg(manifest),
        )?;
        serde_json::from_str(&answer).context("`cargo metadata` answered something unexpected")
    }

    /// `cargo <subcommand>` in the root of the workspace.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut command = self.command(cargo_program());
        command.arg(subcommand);
        command
    }

    /// A program that is to run in the root of the workspace.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// Where cargo leaves a program that it built with the `dev` profile.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// A path as shown to people: from the root of the workspace, with forward slashes.
    pub(crate) fn relative(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        path.to_string_lossy().replace('\\', "/")
    }
}

impl Package {
    /// The name in the crate table: `bamboo` for `pandan-bamboo`.
    pub(crate) fn short_name(&self) -> &str {
        short_name(&self.name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    pub(crate) fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }

    /// The names of other packages that are needed to build this one.
    pub(crate) fn normal_dependencies(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(|dependency| !dependency.is_dev())
    }

    pub(crate) fn has_example(&self, name: &str) -> bool {
        self.targets.iter().any(|target| target.is("example") && target.name == name)
    }
}

impl Dependency {
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.name.starts_with(PREFIX)
    }
}

impl Target {
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|own| own == kind)
    }
}

/// `bamboo` for `pandan-bamboo`; other names stay as they are.
pub(crate) fn short_name(package: &str) -> &str {
    package.strip_prefix(PREFIX).unwrap_or(package)
}

/// The cargo that runs us, so that chores use the toolchain that was asked for.
pub(crate) fn cargo_program() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
