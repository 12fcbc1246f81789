//! What is known to fill an etcd: a table. Each row says what writes it, how
//! to stop that, and how to delete it while the API server works.
//!
//! Sources: issues in which they filled an etcd (kyverno #8974, karpenter #2071,
//! rancher #18986 and their like). Settings are called as their projects call
//! them; who has another release may find another name.

/// How a filler is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Written {
    /// By the names of its resources.
    Resources(&'static [&'static str]),
    /// By the names of its objects: `KindUsage::name`.
    Kind(&'static str),
}

/// Whether our `purge` may delete it behind the API server's back: only what is
/// written again by itself, and what nothing else hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purge {
    /// No.
    Never,
    /// By its own command.
    Events,
    /// By its prefix.
    Prefix,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownFiller {
    pub name: &'static str,
    pub written: Written,
    /// The share that is worth a word, in percent: small for what should not
    /// be there at all, large for what every cluster has.
    pub worth: u8,
    pub purge: Purge,
    pub advice: &'static str,
}

/// A share of what should not pile up.
const JUNK: u8 = 5;
/// A share of what belongs there, and is too much of it.
const USUAL: u8 = 25;

pub(super) const KNOWN: &[KnownFiller] = &[
    KnownFiller {
        name: "Kubernetes events",
        written: Written::Resources(&["events"]),
        worth: JUNK,
        purge: Purge::Events,
        advice: "The API server drops an event one hour after its last change (--event-ttl), so \
                 this many mean that something writes them in a loop: `kubectl get events -A \
                 --sort-by=.lastTimestamp` shows who. Nothing is lost with them: `kubectl delete \
                 events --all -n NAMESPACE`",
    },
    KnownFiller {
        name: "Kyverno reports",
        written: Written::Resources(&[
            "admissionreports.kyverno.io",
            "clusteradmissionreports.kyverno.io",
            "backgroundscanreports.kyverno.io",
            "clusterbackgroundscanreports.kyverno.io",
            "reportchangerequests.kyverno.io",
            "clusterreportchangerequests.kyverno.io",
            "ephemeralreports.reports.kyverno.io",
            "clusterephemeralreports.reports.kyverno.io",
            "policyreports.wgpolicyk8s.io",
            "clusterpolicyreports.wgpolicyk8s.io",
            "reports.openreports.io",
            "clusterreports.openreports.io",
        ]),
        worth: JUNK,
        purge: Purge::Prefix,
        advice: "Kyverno (and others that write policy reports) makes them anew, so they may go. \
                 Stop the writer first: `kubectl -n kyverno scale deployment \
                 kyverno-reports-controller --replicas=0`. Delete them by `kubectl delete \
                 RESOURCE --all -A`. Then update Kyverno, and turn off the reports that nobody \
                 reads (--admissionReports=false)",
    },
    KnownFiller {
        name: "Trivy reports",
        written: Written::Resources(&[
            "vulnerabilityreports.aquasecurity.github.io",
            "clustervulnerabilityreports.aquasecurity.github.io",
            "configauditreports.aquasecurity.github.io",
            "clusterconfigauditreports.aquasecurity.github.io",
            "exposedsecretreports.aquasecurity.github.io",
            "rbacassessmentreports.aquasecurity.github.io",
            "clusterrbacassessmentreports.aquasecurity.github.io",
            "infraassessmentreports.aquasecurity.github.io",
            "clusterinfraassessmentreports.aquasecurity.github.io",
            "sbomreports.aquasecurity.github.io",
            "clustersbomreports.aquasecurity.github.io",
        ]),
        worth: JUNK,
        purge: Purge::Prefix,
        advice: "Trivy's operator makes them anew, so they may go: scale it to 0 first, then \
                 `kubectl delete RESOURCE --all -A`. Turn off the scanners that nobody reads; the \
                 lists of software (sbomreports) are the biggest",
    },
    KnownFiller {
        name: "Helm releases",
        written: Written::Kind("Helm releases"),
        worth: JUNK,
        purge: Purge::Never,
        advice: "Helm keeps one object of up to 1 MiB for each revision of each release. Keep \
                 fewer: `helm upgrade --history-max 3` (Flux: `spec.maxHistory`). Those that were \
                 replaced may go: `kubectl delete secrets -A -l owner=helm,status=superseded`; \
                 never those with status=deployed",
    },
    KnownFiller {
        name: "Argo workflows",
        written: Written::Resources(&[
            "workflows.argoproj.io",
            "workflowtaskresults.argoproj.io",
            "workflowtasksets.argoproj.io",
        ]),
        worth: JUNK,
        purge: Purge::Never,
        advice: "Finished workflows stay until somebody deletes them: `kubectl delete \
                 workflows.argoproj.io -A -l workflows.argoproj.io/completed=true`. Set \
                 `ttlStrategy` and `podGC` in the controller's workflowDefaults",
    },
    KnownFiller {
        name: "Tekton runs",
        written: Written::Resources(&[
            "taskruns.tekton.dev",
            "pipelineruns.tekton.dev",
            "customruns.tekton.dev",
        ]),
        worth: JUNK,
        purge: Purge::Never,
        advice: "Finished runs stay until somebody deletes them: `tkn pipelinerun delete --keep \
                 50 -n NAMESPACE`, and taskrun the same. Set up the pruner of the operator's \
                 TektonConfig",
    },
    KnownFiller {
        name: "cert-manager requests",
        written: Written::Resources(&[
            "certificaterequests.cert-manager.io",
            "orders.acme.cert-manager.io",
            "challenges.acme.cert-manager.io",
        ]),
        worth: JUNK,
        purge: Purge::Never,
        advice: "cert-manager tries in a loop what an issuer refuses: `kubectl get certificates \
                 -A` shows which are not ready. Mend or delete those first. Then old requests \
                 may go: `kubectl delete certificaterequests.cert-manager.io --all -n NAMESPACE`; \
                 the certificates stay. Set `revisionHistoryLimit: 1` in each Certificate",
    },
    KnownFiller {
        name: "dex sessions",
        written: Written::Resources(&[
            "authcodes.dex.coreos.com",
            "authrequests.dex.coreos.com",
            "refreshtokens.dex.coreos.com",
            "offlinesessionses.dex.coreos.com",
            "devicerequests.dex.coreos.com",
            "devicetokens.dex.coreos.com",
        ]),
        worth: JUNK,
        purge: Purge::Never,
        advice: "dex keeps a request for each time anybody opens its login page, a probe or a bot \
                 too, for 24 hours (`expiry.authRequests`). `kubectl delete \
                 authrequests.dex.coreos.com --all -n NAMESPACE`: who is logging in just now has \
                 to begin again",
    },
    KnownFiller {
        name: "Velero records",
        written: Written::Resources(&[
            "backups.velero.io",
            "restores.velero.io",
            "podvolumebackups.velero.io",
            "podvolumerestores.velero.io",
            "datauploads.velero.io",
            "datadownloads.velero.io",
            "deletebackuprequests.velero.io",
        ]),
        worth: JUNK,
        purge: Purge::Never,
        advice: "They stay as long as the backups do (ttl of the Schedule, 30 days when nothing \
                 is said). Delete backups by `velero backup delete`, which removes their records \
                 and their data together",
    },
    KnownFiller {
        name: "volume snapshots",
        written: Written::Resources(&[
            "volumesnapshots.snapshot.storage.k8s.io",
            "volumesnapshotcontents.snapshot.storage.k8s.io",
            "snapshots.longhorn.io",
            "backups.longhorn.io",
        ]),
        worth: JUNK,
        purge: Purge::Never,
        advice: "Each stands for data on a disk, so delete them only by what made them (a \
                 schedule, Longhorn's recurring jobs), and let that keep fewer",
    },
    KnownFiller {
        name: "Operator Lifecycle Manager",
        written: Written::Resources(&[
            "clusterserviceversions.operators.coreos.com",
            "installplans.operators.coreos.com",
        ]),
        worth: JUNK,
        purge: Purge::Never,
        advice: "OLM copies the description of each global operator into every namespace. Turn \
                 that off: `spec.features.disableCopiedCSVs: true` in the OLMConfig `cluster`; it \
                 then removes the copies itself",
    },
    KnownFiller {
        name: "OpenShift builds and images",
        written: Written::Resources(&["builds", "images"]),
        worth: JUNK,
        purge: Purge::Never,
        advice: "Old ones stay until they are pruned: `oc adm prune builds --confirm`, `oc adm \
                 prune images --confirm`, or the image pruner that the registry's operator runs",
    },
    KnownFiller {
        name: "Cilium identities and endpoints",
        written: Written::Resources(&[
            "ciliumidentities.cilium.io",
            "ciliumendpoints.cilium.io",
            "ciliumendpointslices.cilium.io",
            "cilium/state/identities/",
        ]),
        worth: USUAL,
        purge: Purge::Never,
        advice: "Labels that differ from pod to pod make an identity each: leave them out of \
                 Cilium's `labels` setting. Its operator removes identities that nobody uses: see \
                 that it runs",
    },
    KnownFiller {
        name: "Calico address records",
        written: Written::Resources(&[
            "ipamhandles.crd.projectcalico.org",
            "ipamblocks.crd.projectcalico.org",
            "/calico/ipam/v2/handle/",
        ]),
        worth: USUAL,
        purge: Purge::Never,
        advice: "calico-kube-controllers removes those of pods that are gone: see that it runs. \
                 `calicoctl ipam check` counts the leaked ones. Never delete them by hand: pods \
                 would get addresses that are in use",
    },
    KnownFiller {
        name: "pods and jobs",
        written: Written::Resources(&["pods", "jobs"]),
        worth: USUAL,
        purge: Purge::Never,
        advice: "Running pods belong here, finished ones do not: `kubectl delete pods -A \
                 --field-selector=status.phase=Succeeded`, then Failed. Set \
                 `ttlSecondsAfterFinished` in jobs; and the controller manager's \
                 --terminated-pod-gc-threshold lower (12500 when nothing is said)",
    },
    KnownFiller {
        name: "old ReplicaSets and revisions",
        written: Written::Resources(&["replicasets", "controllerrevisions"]),
        worth: USUAL,
        purge: Purge::Never,
        advice: "Each Deployment keeps 10 old ReplicaSets for going back. Set a lower \
                 `revisionHistoryLimit` in those that change often: Kubernetes then deletes the \
                 rest itself",
    },
    KnownFiller {
        name: "leases",
        written: Written::Resources(&["leases"]),
        worth: USUAL,
        purge: Purge::Never,
        advice: "Each node and each leader renews its lease every few seconds. The leases are \
                 small, their old revisions pile up when nothing compacts: a compaction drops \
                 them. Never delete the leases of nodes",
    },
    KnownFiller {
        name: "endpoints",
        written: Written::Resources(&["endpoints", "endpointslices"]),
        worth: USUAL,
        purge: Purge::Never,
        advice: "They are written anew each time a pod becomes ready or ceases to be: look for \
                 pods whose readiness flaps, and for leader elections that still use endpoints. \
                 A compaction drops the old revisions",
    },
];
