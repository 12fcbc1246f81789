//! Starts the runtime, runs the command, and turns its result into an exit
//! code. The only place that ends the process.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    if etcd_rescue::guarded_a_kubelet() || etcd_rescue::looked_aside() {
        return ExitCode::SUCCESS;
    }
    let cli = match etcd_rescue::cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(etcd_rescue::not_understood(&error)),
    };
    match etcd_rescue::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(_) => ExitCode::from(etcd_rescue::failure::Exit::Internal as u8),
    }
}
