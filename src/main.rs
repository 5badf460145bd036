//! Arguments and exit codes, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    extend_edge::cli::main()
}
