//! Makes container images out of programs of this machine: docker-archive tars
//! with one layer, enough for the program to run and nothing else. No shell in
//! them, as in today's etcd images.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;

/// The image every pod sandbox runs.
pub const PAUSE: &str = "registry.k8s.io/pause:3.6";

/// An image to be.
pub struct Image<'a> {
    /// Its full name with tag.
    pub reference: &'a str,
    /// Programs of this machine and where they go.
    pub programs: &'a [(&'a Path, &'a str)],
    /// What runs when a container names no command.
    pub entrypoint: &'a [&'a str],
}

impl Image<'_> {
    /// Writes the archive to `path`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let scratch = path.with_extension("layer");
        let digest = self.write_layer(&scratch)?;
        let config = json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": {
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Entrypoint": self.entrypoint,
                "WorkingDir": "/",
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] },
        });
        let manifest = json!([{ "Config": "config.json", "RepoTags": [self.reference], "Layers": ["layer.tar"] }]);
        let mut archive = tar::Builder::new(File::create(path)?);
        append_bytes(&mut archive, "manifest.json", manifest.to_string().as_bytes())?;
        append_bytes(&mut archive, "config.json", config.to_string().as_bytes())?;
        archive.append_path_with_name(&scratch, "layer.tar")?;
        archive.finish()?;
        std::fs::remove_file(&scratch)?;
        Ok(())
    }

    fn write_layer(&self, path: &Path) -> Result<String> {
        let mut layer = tar::Builder::new(File::create(path)?);
        layer.mode(tar::HeaderMode::Deterministic);
        let mut libraries: Vec<PathBuf> = Vec::new();
        for (program, place) in self.programs {
            append_program(&mut layer, program, place)?;
            libraries.extend(libraries_of(program)?);
        }
        libraries.sort();
        libraries.dedup();
        for library in &libraries {
            append_program(&mut layer, library, &library.to_string_lossy())?;
        }
        layer.finish()?;
        drop(layer);
        sha256(path)
    }
}

fn append_program(layer: &mut tar::Builder<File>, program: &Path, place: &str) -> Result<()> {
    let mut file = File::open(program).with_context(|| format!("reading {}", program.display()))?;
    let mut header = tar::Header::new_gnu();
    header.set_size(file.metadata()?.len());
    header.set_mode(0o755);
    layer.append_data(&mut header, place.trim_start_matches('/'), &mut file)?;
    Ok(())
}

fn append_bytes(archive: &mut tar::Builder<File>, name: &str, bytes: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, bytes)?;
    Ok(())
}

/// The shared libraries and the loader `program` needs; none for a static one.
fn libraries_of(program: &Path) -> Result<Vec<PathBuf>> {
    let out = Command::new("ldd").arg(program).output().context("running ldd")?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    ensure!(!text.contains("not found"), "{} misses libraries: {text}", program.display());
    Ok(text
        .split_whitespace()
        .filter(|word| word.starts_with("/lib") || word.starts_with("/usr/lib"))
        .map(PathBuf::from)
        .collect())
}

fn sha256(path: &Path) -> Result<String> {
    let out = Command::new("sha256sum").arg(path).output().context("running sha256sum")?;
    let text = String::from_utf8(out.stdout)?;
    text.split_whitespace().next().map(str::to_owned).context("sha256sum said nothing")
}
