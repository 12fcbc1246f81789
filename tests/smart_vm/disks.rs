//! The disks of a guest: an image with an ext4 and etcd's directories in it,
//! behind each kind of controller qemu has. Starts nothing.

use std::{
    cell::RefCell,
    fs::{self, File},
    path::Path,
    process::Command,
};

use serde_json::{Value, json};

/// Bytes of an image; it is sparse.
const SIZE: u64 = 64 << 20;

/// Blocks of 1 KiB of the filesystem: the second half of the image is free.
const BLOCKS: &str = "32768";

/// A sector behind the filesystem, where writes fail on a `broken` disk.
pub const BAD_SECTOR: u64 = 100_000;

/// How a disk is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    Nvme,
    Ahci,
    VirtioBlk,
    VirtioScsi,
    Usb,
    MegaRaid,
}

/// One disk.
pub struct Disk {
    /// The label of its filesystem, its serial number and qemu's name of it.
    pub name: &'static str,
    bus: Bus,
    broken: bool,
    model: Option<&'static str>,
    device: RefCell<String>,
}

impl Disk {
    pub fn new(name: &'static str, bus: Bus) -> Self {
        Self { name, bus, broken: false, model: None, device: RefCell::default() }
    }

    /// One whose writes to `BAD_SECTOR` fail.
    pub fn broken(mut self) -> Self {
        self.broken = true;
        self
    }

    /// An `Ahci` disk that calls itself something else than QEMU's.
    pub fn called(mut self, model: &'static str) -> Self {
        self.model = Some(model);
        self
    }

    /// Where the guest mounts it.
    pub fn place(&self) -> String {
        format!("/mnt/{}", self.name)
    }

    /// The guest's word for it.
    pub fn found(&self, device: &str) {
        device.clone_into(&mut self.device.borrow_mut());
    }

    /// "/dev/sda": as the guest found it.
    pub fn device(&self) -> String {
        self.device.borrow().clone()
    }

    /// "sda".
    pub fn kernel_name(&self) -> String {
        self.device().trim_start_matches("/dev/").to_owned()
    }

    /// qemu's arguments, after making the image in the folder. `place` is its
    /// own: a port for one disk.
    pub fn arguments(&self, folder: &Path, place: usize) -> Vec<String> {
        let name = self.name;
        let image = folder.join(name);
        make_image(&image, name);
        let (controller, device) = match self.bus {
            Bus::Nvme => (None, format!("nvme,id={name},serial={name}")),
            Bus::Ahci => {
                let model = self.model.map(|model| format!(",model={model}")).unwrap_or_default();
                (None, format!("ide-hd,id={name},bus=ide.{place},serial={name}{model}"))
            }
            Bus::VirtioBlk => (None, format!("virtio-blk-pci,id={name},serial={name}")),
            Bus::VirtioScsi => (
                Some("virtio-scsi-pci,id=bus-scsi"),
                format!("scsi-hd,id={name},bus=bus-scsi.0,serial={name}"),
            ),
            Bus::Usb => (
                Some("qemu-xhci,id=bus-usb"),
                format!("usb-storage,id={name},bus=bus-usb.0,serial={name}"),
            ),
            Bus::MegaRaid => (
                Some("megasas,id=bus-raid"),
                format!("scsi-hd,id={name},bus=bus-raid.0,serial={name}"),
            ),
        };
        let mut arguments = vec!["-blockdev".to_owned(), self.backend(&image).to_string()];
        for device in
            controller.map(str::to_owned).into_iter().chain([device + ",drive=on-" + name])
        {
            arguments.extend(["-device".to_owned(), device]);
        }
        arguments
    }

    /// The chain of block drivers from the drive to the image.
    fn backend(&self, image: &Path) -> Value {
        let file = json!({ "driver": "file", "filename": image });
        let node = format!("on-{}", self.name);
        if !self.broken {
            return json!({ "driver": "raw", "node-name": node, "file": file });
        }
        let fault = json!({ "event": "write_aio", "errno": 5, "sector": BAD_SECTOR });
        json!({
            "driver": "raw",
            "node-name": node,
            "file": { "driver": "blkdebug", "image": file, "inject-error": [fault] },
        })
    }
}

fn make_image(image: &Path, label: &str) {
    let tree = image.with_extension("tree");
    for folder in ["member/wal", "member/snap"] {
        fs::create_dir_all(tree.join(folder)).unwrap();
    }
    fs::write(tree.join("member/snap/db"), [0; 1 << 16]).unwrap();
    File::create(image).unwrap().set_len(SIZE).unwrap();
    let mut command = Command::new("mke2fs");
    command.args(["-q", "-F", "-t", "ext4", "-b", "1024", "-L", label, "-d"]);
    let made = command.arg(&tree).arg(image).arg(BLOCKS).output();
    assert!(made.as_ref().is_ok_and(|made| made.status.success()), "{command:?}: {made:?}");
    fs::remove_dir_all(tree).unwrap();
}
