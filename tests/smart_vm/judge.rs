//! Debian's smartctl, run in the same guest, and where our answer has to be
//! the same as its. Its exit bits are those of smartctl(8), "EXIT STATUS".

use serde_json::Value;

use crate::{disks::Disk, guest::Guest};

/// Bit 3: the drive says that it fails.
const FAILING: i64 = 1 << 3;

/// What smartctl says of a disk.
pub struct Judge(pub Value);

impl Judge {
    pub fn of(guest: &mut Guest, disk: &Disk) -> Self {
        Self(guest.run(&format!("smartctl -j -a {}", disk.device())).json())
    }

    /// Whether it calls the drive failing.
    pub fn fails(&self) -> bool {
        let fails = self.0["smart_status"]["passed"] == false;
        let exit = self.0["smartctl"]["exit_status"].as_i64().expect("a number");
        assert_eq!(fails, exit & FAILING != 0, "{:#}", self.0);
        fails
    }

    /// It has nothing to say of the drive behind the disk.
    #[track_caller]
    pub fn sees_nothing(&self) {
        assert!(self.0["smart_status"].is_null(), "{:#}", self.0);
        assert!(self.0["ata_smart_attributes"].is_null(), "{:#}", self.0);
    }

    #[track_caller]
    fn same(&self, ours: &Value, keys: &[(&str, &str)]) {
        for (our, its) in keys {
            let its = self.0.pointer(its).unwrap_or_else(|| panic!("no {its} in {:#}", self.0));
            assert_eq!(&ours[our], its, "{our}: {ours:#}");
        }
    }

    /// The same NVMe drive with the same numbers.
    #[track_caller]
    pub fn same_nvme(&self, ours: &Value) {
        assert_eq!(ours["kind"], "nvme", "{ours:#}");
        let log = "/nvme_smart_health_information_log";
        let its = |key: &str| format!("{log}/{key}");
        let keys = [
            ("model", "/model_name".to_owned()),
            ("serial", "/serial_number".to_owned()),
            ("firmware", "/firmware_version".to_owned()),
            ("vendor_id", "/nvme_pci_vendor/id".to_owned()),
            ("critical_warning", its("critical_warning")),
            ("available_spare", its("available_spare")),
            ("spare_threshold", its("available_spare_threshold")),
            ("used_percent", its("percentage_used")),
            ("data_units_written", its("data_units_written")),
            ("power_on_hours", its("power_on_hours")),
            ("unsafe_shutdowns", its("unsafe_shutdowns")),
            ("media_errors", its("media_errors")),
            ("error_entries", its("num_err_log_entries")),
            ("warm_minutes", its("warning_temp_time")),
            ("hot_minutes", its("critical_comp_time")),
        ];
        self.same(ours, &keys.each_ref().map(|(our, its)| (*our, its.as_str())));
        let kelvin = self.0["temperature"]["current"].as_i64().map(|celsius| celsius + 273);
        assert_eq!(ours["temperature_k"].as_i64(), kelvin, "{ours:#}");
    }

    /// The same ATA drive with the same attributes and logs.
    #[track_caller]
    pub fn same_ata(&self, ours: &Value) {
        assert_eq!(ours["kind"], "ata", "{ours:#}");
        self.same(
            ours,
            &[
                ("model", "/model_name"),
                ("serial", "/serial_number"),
                ("firmware", "/firmware_version"),
                ("smart_enabled", "/smart_support/enabled"),
                ("error_count", "/ata_smart_error_log/summary/count"),
            ],
        );
        let status = if self.fails() { "failing" } else { "passed" };
        assert_eq!(ours["status"], status, "{ours:#}");
        let minutes = &self.0["ata_smart_data"]["self_test"]["polling_minutes"];
        assert_eq!(ours["self_test_minutes"][0], minutes["short"]);
        assert_eq!(ours["self_test_minutes"][1], minutes["extended"]);
        let tests = ours["self_tests"].as_array().expect("a list");
        let count = &self.0["ata_smart_self_test_log"]["standard"]["count"];
        assert_eq!(Some(tests.len() as u64), count.as_u64(), "{ours:#}");
        self.same_attributes(ours);
    }

    #[track_caller]
    fn same_attributes(&self, ours: &Value) {
        let its = self.0["ata_smart_attributes"]["table"].as_array().expect("a table");
        let ours = ours["attributes"].as_array().expect("a table");
        assert!(!its.is_empty());
        assert_eq!(ours.len(), its.len(), "{ours:#?}");
        for (our, its) in ours.iter().zip(its) {
            for key in ["id", "value", "worst"] {
                assert_eq!(our[key], its[key], "{our} {its}");
            }
            assert_eq!(our["threshold"], its["thresh"], "{our} {its}");
            assert_eq!(our["raw"], its["raw"]["value"], "{our} {its}");
            assert_eq!(our["flags"], its["flags"]["value"], "{our} {its}");
        }
    }
}
