//! The `nvpico` program. Everything it does is in the library, where tests reach it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    nvpico_codegen::cli::main()
}
