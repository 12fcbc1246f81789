//! Container images that no container uses, when they are on etcd's
//! filesystem.

use std::{collections::HashSet, path::PathBuf};

use super::{MOST_PATHS, command};
use crate::{
    model::{Bytes, Freeable, FreeableKind, order::InOrder},
    observe::{disk, host::HostRoot, kubelet::Kubelet},
    wire::{
        cri::Cri,
        proto::cri::{Container, Image},
    },
};

/// As much of an id as names an image: crictl shows as much.
const SHORT_ID: usize = 13;

/// Images that may go, when the runtime keeps them on this device; `None` when
/// there are none, or the runtime does not tell. Layers that several images
/// share are counted for each.
pub async fn unused_images(cri: &Cri, host: &HostRoot, device: u64) -> Option<Freeable> {
    let stores = cri.image_stores().await.ok()?;
    let shares =
        |store: &PathBuf| disk::filesystem(&host.path(store)).is_ok_and(|fs| fs.device == device);
    if !stores.iter().any(shares) {
        return None;
    }
    // Listed before the containers: an image that a new container takes
    // meanwhile is seen to be used.
    let images = cri.list_images().await.ok()?;
    let containers = cri.list_containers(&[]).await.ok()?;
    let mut unused = unused(images, &containers, &manifests(host));
    unused.order_by_key(|image| std::cmp::Reverse(image.size));
    unused.truncate(MOST_PATHS);
    let bytes = unused.iter().fold(Bytes(0), |sum, image| sum.plus(Bytes(image.size)));
    let names: Vec<&str> = unused.iter().map(name).collect();
    let socket = format!("unix://{}", cri.socket().display());
    let crictl = ["--runtime-endpoint", &socket, "rmi"].into_iter();
    let crictl = command("crictl", crictl.chain(unused.iter().map(|image| short(&image.id))));
    let address = cri.socket().to_string_lossy();
    let ctr = ["-a", &address, "-n", "k8s.io", "images", "rm"].into_iter();
    let ctr = command("ctr", ctr.chain(names.iter().copied()));
    (bytes.0 > 0).then(|| Freeable {
        kind: FreeableKind::UnusedImages,
        bytes,
        paths: names.iter().map(PathBuf::from).collect(),
        command: crictl,
        otherwise: (cri.version().name == "containerd").then_some(ctr),
    })
}

/// Images that nothing needs: no container in any state, no static pod, not
/// the runtime (pinned), and no sandbox. A runtime before CRI's `pinned` flag
/// does not tell which image its sandboxes are made of; it is called pause
/// everywhere, and a node without a registry could start no pod without it.
fn unused(images: Vec<Image>, containers: &[Container], manifests: &str) -> Vec<Image> {
    let used: HashSet<&str> = containers
        .iter()
        .flat_map(|one| {
            let named = one.image.as_ref().map_or("", |spec| &spec.image);
            [named, &one.image_ref, &one.image_id]
        })
        .filter(|reference| !reference.is_empty())
        .collect();
    let needed = |image: &Image| {
        let names = || image.repo_tags.iter().chain(&image.repo_digests).map(String::as_str);
        image.pinned
            || used.contains(image.id.as_str())
            || names().any(|name| used.contains(name) || manifests.contains(name))
            || names().any(|name| repository(name).ends_with("pause"))
    };
    images.into_iter().filter(|image| !needed(image)).collect()
}

/// "registry.example/pause" of "registry.example/pause:3.9" or "…@sha256:…".
fn repository(name: &str) -> &str {
    let name = name.split('@').next().unwrap_or(name);
    name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(name, _)| name)
}

/// The static pods' manifests, in one text.
fn manifests(host: &HostRoot) -> String {
    let kubelet = Kubelet::read(host);
    let directory = kubelet
        .static_pod_path
        .map_or_else(|| host.path("/etc/kubernetes/manifests"), |found| found.value);
    let files = super::regular_files(&directory, 100).into_iter();
    files.filter_map(|(path, _)| crate::observe::yaml::read(&path).ok()).collect()
}

fn name(image: &Image) -> &str {
    image.repo_tags.first().or(image.repo_digests.first()).unwrap_or(&image.id)
}

fn short(id: &str) -> &str {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    id.get(..SHORT_ID).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::proto::cri::ImageSpec;

    fn image(id: &str, tag: &str) -> Image {
        let repo_tags = vec![format!("registry.example:5000/{tag}")];
        Image { id: format!("sha256:{id}"), repo_tags, size: 7, ..Image::default() }
    }

    #[test]
    fn what_anything_needs_stays() {
        let images = vec![
            image("a1", "by-id:1"),
            image("a2", "by-tag:1"),
            image("a3", "by-image-id:1"),
            Image { pinned: true, ..image("a4", "pinned:1") },
            image("a5", "pause:3.9"),
            image("a6", "etcd:3.5.16-0"),
            Image { repo_digests: vec!["x@sha256:77".to_owned()], ..image("a7", "by-digest:1") },
            image("b1", "old:1"),
        ];
        let spec =
            |image: &str| Some(ImageSpec { image: image.to_owned(), ..ImageSpec::default() });
        let containers = [
            Container { image_ref: "sha256:a1".to_owned(), ..Container::default() },
            Container { image: spec("registry.example:5000/by-tag:1"), ..Container::default() },
            Container { image_id: "sha256:a3".to_owned(), ..Container::default() },
            Container { image_ref: "x@sha256:77".to_owned(), ..Container::default() },
        ];
        let manifests = "image: registry.example:5000/etcd:3.5.16-0\n";
        let found = unused(images, &containers, manifests);
        let ids: Vec<&str> = found.iter().map(|image| image.id.as_str()).collect();
        assert_eq!(ids, ["sha256:b1"]);
    }
}
