//! Writes the sample reports into a folder, for viewing: `cargo run -p report --example samples -- DIR`.

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::fs::File;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "missing argument: the folder to write the pages to",
        ));
    };
    fs::create_dir_all(&folder)?;
    for (name, report) in samples::all() {
        fs::write(folder.join(format!("{name}.html")), report::html::page(&report))?;
        report::write_json(&report, &mut File::create(folder.join(format!("{name}.json")))?)?;
    }
    Ok(())
}
