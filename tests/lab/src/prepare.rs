//! Everything that has to lie in a lab's directory before its masters get power:
//! the executable, images, certificates, manifests, disks; and the switch.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use anyhow::Result;

use crate::{
    Lab, Master, Release, executable,
    image::{Image, PAUSE},
    kubernetes, manifest, network, node,
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
        let kubernetes = dir.join("kubernetes");
        let manifests = kubernetes.join("manifests");
        fs::create_dir_all(&manifests)?;
        authorities.equip(&kubernetes, master.name(), master.ip())?;
        let write_manifest = |name: &str, text: String| {
            let path = manifests.join(name);
            fs::write(&path, text)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        };
        write_manifest("etcd.yaml", manifest::etcd(&self.spec, index))?;
        let mut images = format!("pause.tar\n{}\n", image_file(&spec.etcd));
        if self.spec.apiserver {
            write_manifest("kube-apiserver.yaml", manifest::apiserver(&self.spec, index))?;
            images += "kube-apiserver.tar\n";
        }
        fs::write(dir.join("images"), images)?;
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
        };
        node.save(&dir)
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
        for master in &self.spec.masters {
            let path = images.join(image_file(&master.etcd));
            if !path.exists() {
                let tools = [
                    (&*master.etcd.etcd, "/usr/local/bin/etcd"),
                    (&*master.etcd.etcdctl, "/usr/local/bin/etcdctl"),
                ];
                let reference = manifest::etcd_image(&master.etcd);
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

fn image_file(release: &Release) -> String {
    format!("etcd-{}.tar", release.version)
}

fn make_disk(path: &Path, bytes: u64) -> Result<()> {
    fs::File::create(path)?.set_len(bytes)?;
    let mut command = Command::new("mkfs.ext4");
    command.args(["-q", "-m", "0", "-F"]).arg(path);
    network::succeed(command)
}
