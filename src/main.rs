//! The `consentry` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A governed exchange allocates some forty times, little each time (ADR 0024).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    consentry::cli::main()
}
