//! `locate`: everything about this node's etcd in one look. The order is
//! container, process, manifest; each value carries where it was found. Only
//! puts together what the other files of this room read.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

pub use super::locate_error::LocateError;
use super::{
    arguments::Arguments,
    aside,
    certificates::{self, Sources},
    configuration::{self, Configuration},
    container::{self, FindError},
    data_disk, disk, elsewhere, endpoints, first_look, freeable,
    host::HostRoot,
    kubelet::Kubelet,
    kubelet_process::kubelet_process,
    last_end, layout, manifest,
    nothing_found::{nothing, without_etcd},
    path_map::PathMap,
    process::{self, EtcdProcess},
    runtime::{self, BadEndpoint, Runtimes},
    stopped,
};
use crate::{
    model::{Container, ContainerState, EtcdVersion, Found, Located, Mount, Process},
    settings::Settings,
    sys::aside::Missed,
    wire::Tls,
};

/// Finds this node's etcd and reads everything off it; flags win over what is
/// found.
///
/// # Errors
/// `LocateError` when there is nothing to go on, or when a person has to
/// choose. What could not be read otherwise is in `Located::complaints`.
pub async fn locate(settings: &Settings) -> Result<Located, LocateError> {
    if !nix::unistd::geteuid().is_root() && !stands_alone(settings) {
        return Err(LocateError::NotRoot);
    }
    locate_as_we_are(settings).await
}

/// As `locate`, whoever asks: what is for root is left out.
///
/// # Errors
/// As `locate`, without `NotRoot`.
pub async fn locate_as_we_are(settings: &Settings) -> Result<Located, LocateError> {
    let silent = first_look::silent_directories(settings).await?;
    let mut located = locate_on(&HostRoot::default().without(silent.clone()), settings).await?;
    located.complaints.extend(silent.iter().map(|path| does_not_answer(path)));
    located.hanging.extend(silent);
    Ok(located)
}

/// `locate` with another tree in place of `/`, and whoever asks.
///
/// # Errors
/// As `locate`, without `NotRoot`.
pub async fn locate_on(host: &HostRoot, settings: &Settings) -> Result<Located, LocateError> {
    let kubelet = Kubelet::read(host);
    let mut located = Located { memory: disk::memory(), ..Located::default() };
    let runtimes = runtimes(host, &kubelet, settings).await?;
    find_container(&runtimes, settings, &mut located).await?;
    let process = find_process(host, settings, &mut located)?;
    // A k3s server that is not seen to hold an etcd is none.
    let without_etcd = process.as_ref().and_then(|etcd| without_etcd(host, etcd));
    let process = process.filter(|_| without_etcd.is_none());
    located.process = process.as_ref().map(|etcd| etcd.process.clone());
    let etcd_pid = located.process.as_ref().map(|process| process.pid);
    located.kubelet = kubelet_process(host, etcd_pid);
    let (manifest, complaints) = manifest::find(host, &kubelet);
    located.manifest = manifest;
    located.complaints.extend(complaints);

    let configuration = configuration::read(host, process.as_ref(), &mut located);
    let mut named = settings.endpoints.first().map(|_| "--endpoints names it".to_owned());
    if configuration.is_none() && named.is_none() {
        if let Some(error) = without_etcd {
            return Err(error);
        }
        named = elsewhere::read(host, &kubelet, &mut located);
        if named.is_none() {
            return Err(nothing(host, &runtimes).await);
        }
    }
    let configuration = configuration.unwrap_or_default();
    fill(host, settings, &configuration, &mut located);
    located.layout = Some(layout::of_etcd(host, &configuration.arguments, &located, named));
    fill_disk(&mut located).await;
    fill_last_end(host, &runtimes, &mut located).await;
    located.stopped = stopped::stopped_data(&located).await;
    let socket = located.runtime.as_ref().map(|runtime| &runtime.socket.value);
    let cri = runtimes.connected.iter().map(|connected| &connected.cri);
    let cri = cri.into_iter().find(|cri| Some(cri.socket()) == socket.map(PathBuf::as_path));
    located.freeable = freeable::look(host, settings, &located, cri).await;
    Ok(located)
}

/// Whether the flags name everything, so that nothing root-only is needed.
fn stands_alone(settings: &Settings) -> bool {
    let plain = settings.endpoints.iter().all(|url| url.starts_with("http://"));
    !settings.endpoints.is_empty() && (plain || (settings.cert.is_some() && settings.key.is_some()))
}

async fn runtimes(
    host: &HostRoot,
    kubelet: &Kubelet,
    settings: &Settings,
) -> Result<Runtimes, LocateError> {
    let asked = settings.runtime_endpoint.as_deref();
    runtime::connect(host, kubelet, asked, settings.timeout).await.map_err(
        |BadEndpoint { endpoint, error }| match error {
            Some(source) => LocateError::RuntimeEndpointBad { endpoint, source },
            None => LocateError::RuntimeEndpointUnreadable { endpoint },
        },
    )
}

/// Several runtimes can be installed; the one that has an etcd is meant.
async fn find_container(
    runtimes: &Runtimes,
    settings: &Settings,
    located: &mut Located,
) -> Result<(), LocateError> {
    for (socket, error) in &runtimes.failed {
        located.complaints.push(format!("container runtime ({}): {error}", socket.source));
    }
    let asked = settings.container.as_deref();
    let mut missing = asked.map(|_| "no container runtime answers".to_owned());
    for connected in &runtimes.connected {
        match container::find_etcd(&connected.cri, asked).await {
            Ok(Some(container)) => {
                located.runtime = Some(connected.runtime.clone());
                located.container = Some(container);
                return Ok(());
            }
            Ok(None) => {}
            Err(FindError::NotFound { .. }) => {
                missing = Some("no container has an id that begins like this".to_owned());
            }
            Err(error @ FindError::Ambiguous { .. }) => missing = Some(error.to_string()),
            Err(FindError::Several(several)) if settings.endpoints.is_empty() => {
                return Err(LocateError::SeveralContainers(several));
            }
            Err(error) => {
                let socket = connected.runtime.socket.value.display();
                located.complaints.push(complaint(&error, &socket.to_string()));
            }
        }
    }
    located.runtime = runtimes.connected.first().map(|connected| connected.runtime.clone());
    match (asked, missing) {
        (Some(id), Some(reason)) => {
            Err(LocateError::ContainerNotFound { id: id.to_owned(), reason })
        }
        _ => Ok(()),
    }
}

fn complaint(error: &FindError, socket: &str) -> String {
    match error {
        FindError::Runtime(error) => format!("container runtime {socket}: {error}"),
        other => format!("container runtime {socket}: {other}; --container ID chooses one"),
    }
}

/// The process of the container; without a container that of the host.
fn find_process(
    host: &HostRoot,
    settings: &Settings,
    located: &mut Located,
) -> Result<Option<EtcdProcess>, LocateError> {
    let processes = process::etcd_processes(host);
    let found = match &located.container {
        Some(Container { pid: Some(pid), .. }) => {
            let found = process::of_container(&processes, *pid);
            if found.is_none() {
                located
                    .complaints
                    .push(format!("the runtime says pid {pid}, but /proc shows no etcd there"));
            }
            found
        }
        Some(container) if container.state != ContainerState::Running => None,
        _ => match unnamed(host, located, &processes) {
            Ok(found) => found,
            Err(several) if settings.endpoints.is_empty() && located.container.is_none() => {
                let Some(main) = process::main_of(&processes) else {
                    let contained = processes.iter().all(|it| it.is_k3s() || !it.own_namespace);
                    return Err(LocateError::SeveralProcesses { several, contained });
                };
                located.complaints.push(format!(
                    "{} etcd processes run here: this is the main one, by its port; the other ones \
                     (events: port 4002 with kOps, 2381 or 2383 with kubespray) are clusters of \
                     their own: --endpoints names them",
                    several.len()
                ));
                Some(main)
            }
            Err(several) => {
                located.complaints.push(format!("{} etcd processes run here", several.len()));
                let named = Some(&processes).filter(|_| located.container.is_none());
                named.and_then(|all| process::named_by(all, &settings.endpoints))
            }
        },
    };
    Ok(found.cloned())
}

/// The process where no runtime tells its pid, as some do not of a running
/// container.
fn unnamed<'a>(
    host: &HostRoot,
    located: &Located,
    processes: &'a [EtcdProcess],
) -> Result<Option<&'a EtcdProcess>, Vec<Process>> {
    let container = located.container.as_ref();
    match container.and_then(|it| process::in_cgroup_of(host, processes, &it.id)) {
        Some(found) => Ok(Some(found)),
        None => process::of_host(processes),
    }
}

/// Everything that follows from etcd's settings.
fn fill(
    host: &HostRoot,
    settings: &Settings,
    configuration: &Configuration,
    located: &mut Located,
) {
    let arguments = &configuration.arguments;
    let container = located.container.clone();
    let written = match (&container, &located.process, &located.manifest) {
        (None, None, Some(manifest)) => manifest::host_paths(&manifest.path, "etcd"),
        _ => Vec::new(),
    };
    let mounts: &[Mount] = container.as_ref().map_or(&written, |container| &container.mounts);
    let pid = located.process.as_ref().map(|process| process.pid);
    let map = PathMap { host, mounts, pid, cwd: configuration.cwd.as_deref() };

    located.name = arguments.get("name").cloned();
    located.data_dir = match &settings.data_dir {
        Some(path) => Some(Found::new(path.clone(), "--data-dir")),
        None if arguments.is_empty() => None,
        None => Some(mapped(&map, arguments.data_dir())),
    };
    located.wal_dir = arguments.path("wal-dir").map(|found| mapped(&map, found));
    if !settings.endpoints.is_empty() {
        let named = settings.endpoints.iter();
        located.endpoints = named.map(|url| Found::new(url.clone(), "--endpoints")).collect();
    } else if located.endpoints.is_empty() {
        located.endpoints = endpoints::clients(arguments);
    }
    if settings.endpoints.is_empty() && !arguments.is_empty() {
        located.siblings = endpoints::siblings(arguments, &located.endpoints);
    }
    located.metrics_url = endpoints::metrics(arguments, located.endpoints.first());
    match arguments.quota() {
        Ok(quota) => located.quota = quota,
        Err(text) => {
            located.complaints.push(format!("--quota-backend-bytes is not a number: {text}"));
        }
    }
    located.compaction = arguments.get("auto-compaction-retention").cloned();
    located.version = container.as_ref().and_then(|container| image_version(&container.image));
    fill_credentials(settings, arguments, container.as_ref(), &map, located);
}

fn mapped(map: &PathMap, found: Found<PathBuf>) -> Found<PathBuf> {
    Found::new(map.to_host(&found.value), found.source)
}

fn fill_credentials(
    settings: &Settings,
    arguments: &Arguments,
    container: Option<&Container>,
    map: &PathMap,
    located: &mut Located,
) {
    if arguments.is_empty() && settings.endpoints.is_empty() {
        return by_hand(settings, located);
    }
    let plain = located.endpoints.iter().all(|url| url.value.starts_with("http://"));
    let asked = settings.cacert.is_some() || settings.cert.is_some();
    // Other members may want TLS although the way to this one is plain.
    if plain && !asked && arguments.get("cert-file").is_none() {
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let chosen = certificates::choose(&Sources {
        settings,
        arguments,
        env: container.map_or(&[], |container| &container.env),
        map,
        now: i64::try_from(now).unwrap_or(i64::MAX),
    });
    located.certificates = chosen.certificates;
    located.complaints.extend(chosen.complaints);
    let path = |found: &Option<Found<PathBuf>>| found.as_ref().map(|found| found.value.clone());
    let (ca, cert, key) = (path(&chosen.ca), path(&chosen.cert), path(&chosen.key));
    // Files that nobody asked for must not close the plain way.
    if plain
        && !asked
        && let Err(error) = Tls::load(ca.as_deref(), cert.as_deref(), key.as_deref())
    {
        located.complaints.push(format!("members that want TLS cannot be asked: {error}"));
        return;
    }
    located.ca = chosen.ca;
    located.cert = chosen.cert;
    located.key = chosen.key;
}

/// The API server's certificates are there already; those named by hand win.
fn by_hand(settings: &Settings, located: &mut Located) {
    let named = |path: &Option<PathBuf>, flag: &str| {
        path.as_ref().map(|path| Found::new(path.clone(), flag))
    };
    located.ca = named(&settings.cacert, "--cacert").or(located.ca.take());
    if settings.cert.is_some() && settings.key.is_some() {
        located.cert = named(&settings.cert, "--cert");
        located.key = named(&settings.key, "--key");
    }
}

/// What the data directory and its disk look like, when they answer.
async fn fill_disk(located: &mut Located) {
    let wal_dir = located.wal_dir.as_ref().map(|found| found.value.clone());
    let wal = async {
        match &wal_dir {
            Some(path) => aside::answers(&[path], data_disk::PATIENCE).await,
            None => Ok(()),
        }
    };
    let Some(path) = located.data_dir.as_ref().map(|found| found.value.clone()) else { return };
    let (seen, wal) = tokio::join!(data_disk::data_dir(&path), wal);
    match seen {
        Ok(Ok((disk, complaints))) => {
            located.disk = Some(disk);
            located.complaints.extend(complaints);
        }
        Ok(Err(error)) => {
            located.complaints.push(format!("data directory {}: {error}", path.display()));
        }
        Err(_) => hangs(located, path),
    }
    if let (Err(Missed::Late(_)), Some(path)) = (wal, wal_dir) {
        hangs(located, path);
    }
}

fn hangs(located: &mut Located, path: PathBuf) {
    located.complaints.push(does_not_answer(&path));
    located.hanging.push(path);
}

fn does_not_answer(path: &Path) -> String {
    format!(
        "{} does not answer: a look at it took longer than {} s, and it was left alone; its disk \
         may hang",
        path.display(),
        data_disk::PATIENCE.as_secs()
    )
}

async fn fill_last_end(host: &HostRoot, runtimes: &Runtimes, located: &mut Located) {
    let (Some(runtime), Some(container)) = (&located.runtime, &located.container) else { return };
    let Some(connected) = runtimes.connected.iter().find(|it| it.runtime == *runtime) else {
        return;
    };
    let device = located.disk.as_ref().map(|disk| disk.filesystem.device);
    match last_end::read(host, &connected.cri, container, device).await {
        Ok(end) => located.last_end = end,
        Err(error) => {
            let complaint = format!("how etcd ended the last time is not known: {error}");
            located.complaints.push(complaint);
        }
    }
}

/// The release in an image's tag ("etcd:3.5.16-0", "hardened-etcd:v3.5.16-k3s1").
fn image_version(image: &str) -> Option<Found<String>> {
    let name = image.split('@').next().unwrap_or(image);
    let (_, tag) = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
    let version: EtcdVersion = tag.parse().ok()?;
    Some(Found::new(version.to_string(), format!("tag of image {image}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read_off_the_tag() {
        for (image, version) in [
            ("registry.example/etcd:3.5.16-0", Some("3.5.16")),
            ("registry.example:5000/hardened-etcd:v3.5.16-k3s1-build20241106", Some("3.5.16")),
            ("registry.example/etcd:3.6.4-0@sha256:abcd", Some("3.6.4")),
            ("registry.example:5000/etcd", None),
            ("sha256:0123", None),
            ("etcd:latest", None),
            ("", None),
        ] {
            let found = image_version(image).map(|found| found.value);
            assert_eq!(found.as_deref(), version, "{image}");
        }
    }
}
