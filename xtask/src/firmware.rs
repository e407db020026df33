//! `cargo xtask firmware`: a Bamboo log on an emulated microcontroller, checked on this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{command, nostd, tools, workspace::Workspace};

/// The firmware, a workspace of its own.
const FOLDER: &str = "crates/bamboo/firmware";

/// Name of its package and program.
const NAME: &str = "bamboo-firmware";

/// The emulator and the Debian package that it comes with.
const QEMU: &str = "qemu-system-arm";

/// A machine of the emulator with a Cortex-M4.
const MACHINE: &str = "mps2-an386";

/// A run takes less than a second; when the firmware crashes it hangs instead.
const RUN_LIMIT: Duration = Duration::from_secs(60);

/// Builds the firmware, runs it and verifies the entry that it wrote.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let program = build(workspace)?;
    let text = emulate(workspace, &program)?;
    verify(workspace, line(&text, "entry")?)?;
    let flash = flash_size(&program)?;
    println!("flash   {flash} bytes");
    for what in ["verify", "forge", "hash"] {
        println!("{what:<7} {} instructions", line(&text, what)?);
    }
    Ok(())
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    let target = workspace.target.join("nostd");
    let mut build = nostd::bare_cargo(workspace, "core")?;
    build.env("CARGO_TARGET_DIR", &target);
    build.args(["--release", "--locked", "--target", nostd::TARGET, "--manifest-path"]);
    build.arg(workspace.root.join(FOLDER).join("Cargo.toml"));
    command::run(&mut build)?;
    Ok(target.join(nostd::TARGET).join("release").join(NAME))
}

/// Runs the program in the emulator and gives what it printed.
fn emulate(workspace: &Workspace, program: &Path) -> Result<String> {
    if !command::succeeds(Command::new(QEMU).arg("--version")) {
        tools::debian_packages(&[QEMU])?;
    }
    let mut qemu = workspace.command(QEMU);
    qemu.args(["-cpu", "cortex-m4", "-machine", MACHINE, "-display", "none", "-monitor", "none"]);
    qemu.args(["-serial", "none", "-semihosting-config", "enable=on,target=native"]);
    // One instruction takes one nanosecond of the machine, which the firmware counts by.
    qemu.args(["-icount", "shift=0", "-kernel"]).arg(program);
    command::run_within(qemu.stdin(Stdio::null()), RUN_LIMIT)
}

/// Verifies the log with the new entry by the host's own build of the crate.
fn verify(workspace: &Workspace, entry: &str) -> Result<()> {
    let mut log = fs::read_to_string(workspace.root.join(FOLDER).join("log.txt"))?;
    log.push_str(entry);
    let longer = workspace.target.join("nostd/log.txt");
    fs::write(&longer, log)?;
    let example = ["--quiet", "--package", "pandan-bamboo", "--example", "verify_log", "--"];
    command::run(workspace.cargo("run").args(example).arg(longer))
        .context("the entry that the firmware wrote does not continue its log")
}

/// The rest of the line that begins with `word`.
fn line<'t>(text: &'t str, word: &str) -> Result<&'t str> {
    text.lines()
        .find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
        .with_context(|| format!("the firmware printed no line `{word}`: {text:?}"))
}

/// How many bytes of an ELF file end up in flash: all that its segments have in the file.
fn flash_size(program: &Path) -> Result<u64> {
    let elf = fs::read(program).with_context(|| format!("{} is missing", program.display()))?;
    let is_small = elf.starts_with(&[0x7f, b'E', b'L', b'F', 1, 1]);
    ensure!(is_small, "{} is no little-endian 32-bit ELF file", program.display());
    let segments = sizes(&elf).context("the ELF file is cut off")?;
    Ok(segments.into_iter().map(u64::from).sum())
}

/// The sizes of the loaded segments; offsets are those of the ELF header and its program headers.
fn sizes(elf: &[u8]) -> Option<Vec<u32>> {
    let word = |at: usize| elf.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
    let half = |at: usize| elf.get(at..)?.first_chunk().copied().map(u16::from_le_bytes);
    let start = usize::try_from(word(28)?).ok()?;
    let (size, count) = (usize::from(half(42)?), usize::from(half(44)?));
    let headers = (0..count).map(|index| start + index * size);
    let loaded = headers.filter(|&at| word(at) == Some(LOAD));
    loaded.map(|at| word(at + 16)).collect()
}

/// The type of segments that are loaded.
const LOAD: u32 = 1;
