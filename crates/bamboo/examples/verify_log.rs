//! Verifies a whole log that is given as text, one entry a line in hex, the oldest first:
//!
//! ```text
//! cargo run --example verify_log -- log.txt
//! ```

#![forbid(unsafe_code)]

use std::{env, error::Error, fs, io};

use pandan_bamboo::verify_log;

fn main() -> Result<(), Box<dyn Error>> {
    let text = match env::args_os().nth(1) {
        Some(path) => fs::read_to_string(path)?,
        None => io::read_to_string(io::stdin())?,
    };
    let entries: Vec<_> = text.lines().map(bytes).collect::<Option<_>>().ok_or("this is no hex")?;
    let log = verify_log(&entries)?;
    println!("author  {}", log.public_key());
    println!("log     {}", log.log_id());
    println!("entries {}", log.entries_count());
    println!("last    {}", log.tip().hash());
    Ok(())
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
    let digit = |char: u8| char::from(char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}
