//! Everything that has to lie in a lab's directory before its masters get power:
//! the executable, images, certificates, manifests, disks; and the switch.

use std::{fs, iter, os::unix::fs::PermissionsExt, path::Path, process::Command};

use anyhow::Result;

use crate::{
    Lab, Layout, Master, MasterSpec, executable,
    image::{Image, PAUSE},
    kubernetes,
    layout::{Start, files, host_etcd, pods},
    manifest, network, node,
    pki::Authorities,
};

impl Lab {
    pub(crate) fn prepare(&self) -> Result<()> {
        fs::create_dir_all(&self.site.dir)?;
        fs::write(self.site.spec(), serde_json::to_vec_pretty(&self.spec)?)?;
        fs::create_dir(self.site.dir.join("bin"))?;
        let program = executable::path()?;
        fs::copy(&program, self.site.program("lab"))?;
        if self.spec.real_kubelet {
            fs::copy(kubernetes()?.kubelet, self.site.program("kubelet"))?;
        } else {
            fs::hard_link(self.site.program("lab"), self.site.program("kubelet"))?;
        }
        network::start_switch(&self.site.program("lab"), &self.site.dir)?;
        self.make_images()?;
        let authorities = Authorities::new()?;
        authorities.equip_judge(&self.site.judge())?;
        for (i, master) in self.masters.iter().enumerate() {
            self.prepare_master(i, master, &authorities)?;
        }
        Ok(())
    }

    fn prepare_master(
        &self,
        index: usize,
        master: &Master,
        authorities: &Authorities,
    ) -> Result<()> {
        let dir = self.site.master(master.name());
        let spec = &self.spec.masters[index];
        let bin = dir.join("bin");
        fs::create_dir_all(&bin)?;
        let processes = host_etcd::processes(&self.spec, index, self.site.program("lab"));
        for process in processes.iter().flat_map(|it| iter::once(it).chain(it.keeps.as_deref())) {
            let copy = bin.join(&process.name);
            // A second name does as well, where the filesystem allows it.
            if fs::hard_link(&process.copy_of, &copy).is_err() {
                fs::copy(&process.copy_of, &copy)?;
            }
        }
        let mut installed = Vec::new();
        if matches!(spec.layout, Layout::Kubeadm | Layout::External) {
            self.prepare_kubeadm(index, &dir.join("kubernetes"), authorities)?;
        } else {
            if let Some(etcd) = &spec.layout.row().etcd {
                installed = authorities.files(etcd, master.name(), index + 1, master.ip())?;
            }
            installed.extend(files::files(&self.spec, index));
        }
        fs::write(dir.join("images"), self.images_of(spec))?;
        if let Some(bytes) = spec.data_disk {
            make_disk(&dir.join(node::DATA_DISK), bytes)?;
        }
        let hosts = self
            .masters
            .iter()
            .map(|master| (master.name().to_owned(), master.ip().to_owned()))
            .collect();
        let node = node::Node {
            lab: self.site.dir.clone(),
            name: master.name().to_owned(),
            ip: master.ip().to_owned(),
            machine_id: format!("{:032x}", rand::random::<u128>()),
            hosts,
            speed: self.spec.speed,
            data_disk: spec.data_disk.is_some(),
            real_kubelet: self.spec.real_kubelet,
            containerd: self.spec.containerd.clone(),
            layout: spec.layout,
            files: installed,
            processes,
        };
        node.save(&dir)
    }

    /// What lies in /etc/kubernetes; before the first boot, so that it can be
    /// changed until then.
    fn prepare_kubeadm(
        &self,
        index: usize,
        kubernetes: &Path,
        authorities: &Authorities,
    ) -> Result<()> {
        let (master, spec) = (&self.masters[index], &self.spec.masters[index]);
        let manifests = kubernetes.join("manifests");
        fs::create_dir_all(&manifests)?;
        authorities.equip(kubernetes, master.name(), master.ip())?;
        let write_manifest = |name: &str, text: String| {
            let path = manifests.join(name);
            fs::write(&path, text)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        };
        if spec.layout.has_etcd() {
            write_manifest("etcd.yaml", manifest::etcd(&self.spec, index))?;
        }
        if self.spec.apiserver {
            write_manifest("kube-apiserver.yaml", manifest::apiserver(&self.spec, index))?;
        }
        Ok(())
    }

    /// The image files that a master imports, one a line.
    fn images_of(&self, master: &MasterSpec) -> String {
        let mut images = "pause.tar\n".to_owned();
        if runs_a_pod(master) {
            images += &format!("{}\n", image_file(master));
        }
        if self.spec.apiserver {
            images += "kube-apiserver.tar\n";
        }
        images
    }

    fn make_images(&self) -> Result<()> {
        let images = self.site.images();
        fs::create_dir_all(&images)?;
        // A sandbox's process only has to stay; sleep needs no compiler.
        let sleep = fs::canonicalize("/bin/sleep")?;
        let pause = Image {
            reference: PAUSE,
            programs: &[(&sleep, "/pause")],
            entrypoint: &["/pause", "infinity"],
        };
        pause.write(&images.join("pause.tar"))?;
        for master in self.spec.masters.iter().filter(|master| runs_a_pod(master)) {
            let path = images.join(image_file(master));
            if !path.exists() {
                let mut tools = vec![
                    (&*master.etcd.etcd, "/usr/local/bin/etcd"),
                    (&*master.etcd.etcdctl, "/usr/local/bin/etcdctl"),
                ];
                if master.layout == Layout::Openshift {
                    tools.extend(SHELL.map(|(from, to)| (Path::new(from), to)));
                }
                let reference = pods::image(master);
                Image { reference: &reference, programs: &tools, entrypoint: &[] }.write(&path)?;
            }
        }
        if self.spec.apiserver {
            let program = match self.spec.real_kubelet {
                true => kubernetes()?.apiserver,
                false => self.site.program("lab"),
            };
            let programs = [(&*program, "/usr/local/bin/kube-apiserver")];
            let image = Image {
                reference: manifest::APISERVER_IMAGE,
                programs: &programs,
                entrypoint: &[],
            };
            image.write(&images.join("kube-apiserver.tar"))?;
        }
        Ok(())
    }
}

/// What the scripts in OpenShift's pod need, and who types commands there.
const SHELL: [(&str, &str); 6] = [
    ("/bin/dash", "/bin/sh"),
    ("/bin/sleep", "/bin/sleep"),
    ("/bin/grep", "/bin/grep"),
    ("/usr/bin/head", "/usr/bin/head"),
    ("/usr/bin/nice", "/usr/bin/nice"),
    ("/usr/bin/ionice", "/usr/bin/ionice"),
];

fn runs_a_pod(master: &MasterSpec) -> bool {
    let etcd = master.layout.row().etcd.as_ref();
    etcd.is_some_and(|etcd| matches!(etcd.start, Start::StaticPod(_)))
}

fn image_file(master: &MasterSpec) -> String {
    format!("etcd-{}-{:?}.tar", master.etcd.version, master.layout)
}

fn make_disk(path: &Path, bytes: u64) -> Result<()> {
    fs::File::create(path)?.set_len(bytes)?;
    let mut command = Command::new("mkfs.ext4");
    command.args(["-q", "-m", "0", "-F"]).arg(path);
    network::succeed(command)
}
