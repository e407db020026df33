//! Hands the memory map to the linker, from wherever cargo was started.

fn main() {
    let folder = env!("CARGO_MANIFEST_DIR");
    println!("cargo::rustc-link-search={folder}");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rustc-link-arg-bins=--nmagic");
    println!("cargo::rerun-if-changed=memory.x");
}
