//! The `lab` executable: the command line for people, and the processes masters
//! are made of, which the first argument or the program's own name tells apart.

use std::{path::Path, process::ExitCode};

use lab::{apiserver, kubelet, network, node, processes};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let name =
        words.first().and_then(|word| Path::new(word).file_name()?.to_str()).unwrap_or_default();
    let role = words.get(1).map(String::as_str).unwrap_or_default();
    let dir = Path::new(words.get(2).map(String::as_str).unwrap_or_default());
    let result = match (name, role) {
        ("kubelet", _) => kubelet::run(&words),
        ("k0s", _) => node::keeper::run(),
        ("kube-apiserver", _) => apiserver::run(&words),
        (_, processes::SWITCH) => network::run_switch(),
        (_, processes::SUPPLY) => node::supply_power(dir),
        (_, processes::INIT) => node::init::run(dir),
        _ => return lab::cli::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name} {role}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
