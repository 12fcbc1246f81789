//! Edits of manifests as they are found on masters.

use proptest::prelude::*;

use super::*;
use crate::model::{DiffKind, ProbeKind};

const KUBEADM: &str = include_str!("testdata/kubeadm-1.30.yaml");
const NEWER: &str = include_str!("testdata/kubeadm-1.34.yaml");
const RKE2: &str = include_str!("testdata/rke2.yaml");
const OWN: &str = include_str!("testdata/own.yaml");

fn flag(name: &str, value: &str) -> ManifestEdit {
    ManifestEdit::Flag { name: name.to_owned(), value: value.to_owned() }
}

fn usual() -> Vec<ManifestEdit> {
    vec![flag("auto-compaction-mode", "periodic"), flag("auto-compaction-retention", "1h")]
}

fn edited(text: &str, edits: &[ManifestEdit]) -> EditedManifest {
    match edit_manifest(text, edits) {
        Ok(edited) => edited,
        Err(unfit) => panic!("{}", unfit.why),
    }
}

fn why(text: &str, edits: &[ManifestEdit]) -> String {
    match edit_manifest(text, edits) {
        Ok(edited) => panic!("edited to {}", edited.text),
        Err(unfit) => unfit.why,
    }
}

fn moved_to(to: &str) -> ManifestEdit {
    ManifestEdit::HostPath { from: "/var/lib/etcd".into(), to: to.into() }
}

/// The changed lines as `-line` and `+line`.
fn signs(edited: &EditedManifest) -> Vec<String> {
    let sign = |kind| match kind {
        DiffKind::Same => None,
        DiffKind::Removed => Some('-'),
        DiffKind::Added => Some('+'),
    };
    let lines = edited.lines.iter();
    lines.filter_map(|line| Some(format!("{}{}", sign(line.kind)?, line.text))).collect()
}

/// What becomes of one edit, as signs; a second time it must be nothing.
fn change_of(text: &str, edit: ManifestEdit) -> Vec<String> {
    let edits = [edit];
    let once = edited(text, &edits);
    let twice = edited(&once.text, &edits);
    assert_eq!((twice.text.as_str(), &twice.lines[..]), (once.text.as_str(), &[][..]));
    signs(&once)
}

/// A pod with these items, of `command` and indented as written.
fn pod(items: &str) -> String {
    format!("kind: Pod\nspec:\n  containers:\n  - command:\n{items}    name: etcd\n")
}

#[test]
fn flags_come_where_one_would_look_for_them() {
    let edited = edited(KUBEADM, &usual());
    let wanted = KUBEADM.replacen(
        "    - --cert-file",
        "    - --auto-compaction-mode=periodic\n    - --auto-compaction-retention=1h\n    - --cert-file",
        1,
    );
    assert_eq!(edited.text, wanted);
    let shown: Vec<(usize, DiffKind)> =
        edited.lines.iter().map(|line| (line.number, line.kind)).collect();
    use DiffKind::{Added, Same};
    let expected = [(15, Same), (16, Same), (17, Added), (18, Added), (17, Same), (18, Same)];
    assert_eq!(shown, expected);
    assert_eq!(edited.notes, Vec::<String>::new());
    assert!(super::edit_manifest(&wanted, &usual()).is_ok_and(|same| same.lines.is_empty()));
}

#[test]
fn a_flag_that_is_there_gets_the_value_in_its_own_style() {
    for (item, value, expected) in [
        ("--quota-backend-bytes=1 # small", "2", "--quota-backend-bytes=2 # small"),
        ("-quota-backend-bytes=1", "2", "-quota-backend-bytes=2"),
        ("'--quota-backend-bytes=1'\t# x", "2", "'--quota-backend-bytes=2'\t# x"),
        ("\"--quota-backend-bytes=1\"", "2", "\"--quota-backend-bytes=2\""),
        ("--quota-backend-bytes=1", "a b", "\"--quota-backend-bytes=a b\""),
        ("--quota-backend-bytes=", "2", "--quota-backend-bytes=2"),
    ] {
        let text = pod(&format!("    - etcd\n    - {item}\n    - --name=m1\n"));
        let signs = change_of(&text, flag("quota-backend-bytes", value));
        assert_eq!(signs, [format!("-    - {item}"), format!("+    - {expected}")]);
    }
}

#[test]
fn a_value_in_an_item_of_its_own_stays_there() {
    let text = pod("    - etcd\n    - --name\n    - m1\n    - --snapshot-count\n    - \"5\"\n");
    let signs = change_of(&text, flag("snapshot-count", "10000"));
    assert_eq!(signs, ["-    - \"5\"", "+    - \"10000\""]);
    let signs = change_of(&text, flag("auto-compaction-retention", "1h"));
    assert_eq!(signs, ["+    - --auto-compaction-retention", "+    - \"1h\""]);
    let negative = pod("    - etcd\n    - --quota-backend-bytes\n    - '-1'\n");
    let signs = change_of(&negative, flag("quota-backend-bytes", "5"));
    assert_eq!(signs, ["-    - '-1'", "+    - '5'"]);
}

#[test]
fn a_new_flag_is_sorted_in_only_where_they_are_sorted() {
    let at = |items: &str, name: &str| {
        let text = edited(&pod(items), &[flag(name, "x")]).text;
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().position(|line| line.contains(&format!("--{name}=")))
    };
    let sorted = "    - etcd\n    - --b=1\n    # of d\n    - --d=1\n";
    assert_eq!([at(sorted, "a"), at(sorted, "c"), at(sorted, "e")], [Some(5), Some(6), Some(8)]);
    assert_eq!(at("    - etcd\n    - --d=1\n    - --b=1\n", "a"), Some(7));
    assert_eq!(at("    - etcd\n", "a"), Some(5));
    let split = "    - etcd\n    args:\n    # first\n    - --b=1\n    - --d=1\n";
    assert_eq!([at(split, "a"), at(split, "c")], [Some(6), Some(8)]);
}

#[test]
fn all_else_stays_byte_for_byte() {
    for text in [KUBEADM, NEWER, OWN] {
        for crlf in [false, true] {
            let text = if crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
            for text in [text.as_str(), text.trim_end()] {
                let edits = [flag("auto-compaction-mode", "periodic"), flag("zz", "1")];
                let edited = edited(text, &edits);
                let added: Vec<&str> = edited
                    .lines
                    .iter()
                    .filter(|line| line.kind == DiffKind::Added)
                    .map(|line| line.text.as_str())
                    .collect();
                let new = edited.text.split_inclusive('\n');
                let without: String =
                    new.filter(|line| !added.contains(&line.trim_end())).collect();
                assert_eq!(without, text);
            }
        }
    }
}

#[test]
fn a_new_last_line_has_no_end_when_the_last_one_had_none() {
    let text =
        "kind: Pod\r\nspec:\r\n  containers:\r\n  - name: etcd\r\n    command:\r\n    - etcd";
    let edited = edited(text, &[flag("name", "m1")]);
    assert_eq!(edited.text, format!("{text}\r\n    - --name=m1"));
}

#[test]
fn a_probe_asks_another_path() {
    let livez = ManifestEdit::ProbePath { kind: ProbeKind::Liveness, path: "/livez".into() };
    let signs = change_of(KUBEADM, livez.clone());
    let old = "-        path: /health?exclude=NOSPACE&serializable=true";
    assert_eq!(signs, [old, "+        path: /livez"]);
    let ready = ManifestEdit::ProbePath { kind: ProbeKind::Readiness, path: "/readyz".into() };
    assert!(why(KUBEADM, &[ready]).starts_with("the container has no readinessProbe"));
    let exec =
        pod("    - etcd\n").replace("    name", "    livenessProbe:\n      exec: {}\n    name");
    assert!(why(&exec, &[livez]).contains("does not ask by httpGet"));
}

#[test]
fn the_data_volume_moves() {
    let signs = change_of(KUBEADM, moved_to("/mnt/etcd/data"));
    assert_eq!(signs, ["-      path: /var/lib/etcd", "+      path: /mnt/etcd/data"]);
    let from = "/var/lib/rancher/rke2/server/db/etcd".into();
    let rke2 = ManifestEdit::HostPath { from, to: "/mnt/etcd".into() };
    assert!(why(RKE2, &[rke2]).contains("line 14 gives etcd the configuration file"));
    for (text, to, expected) in [
        (KUBEADM.replace("      path: /var/lib/etcd\n", "      path: /data\n"), "/x", "no volume"),
        (KUBEADM.replace("      name: etcd-data\n", "      name: another\n"), "/x", "not mounted"),
        (
            KUBEADM.replace("path: /etc/kubernetes/pki/etcd", "path: /x/"),
            "/x",
            "another volume of the hostPath /x",
        ),
        (KUBEADM.to_owned(), "../x", "absolute"),
        (KUBEADM.to_owned(), "/a/../x", "absolute"),
    ] {
        let told = match edit_manifest(&text, &[moved_to(to)]) {
            Ok(edited) => edited.text,
            Err(unfit) => unfit.why,
        };
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn the_volume_has_to_exist() {
    let there = |path: &str| ManifestEdit::HostPathHasToExist { path: path.into() };
    let signs = change_of(KUBEADM, there("/var/lib/etcd"));
    assert_eq!(signs, ["-      type: DirectoryOrCreate", "+      type: Directory"]);
    let moved = edited(KUBEADM, &[moved_to("/mnt/etcd"), there("/mnt/etcd")]);
    assert!(moved.text.contains("path: /mnt/etcd\n      type: Directory\n"), "{}", moved.text);
    let without = KUBEADM.replace("      type: DirectoryOrCreate\n", "");
    assert!(why(&without, &[there("/var/lib/etcd")]).contains("has no type"));
    assert!(why(KUBEADM, &[there("/none")]).starts_with("no single volume"));
}

#[test]
fn what_we_do_not_know_is_refused_with_its_line() {
    let etcd = "    - etcd\n";
    let cases: &[(String, &str)] = &[
        (String::new(), "the manifest is empty"),
        ("{\"kind\": \"Pod\"}".into(), "written as JSON"),
        ("a: [".into(), "it is not YAML: "),
        ("a: &x [*y]".into(), "it is not YAML: "),
        ("kind: Pod\n--- \nkind: Pod\n".into(), "holds 2 documents"),
        ("kind: PodList\n".into(), "its kind is PodList and not Pod"),
        ("apiVersion: v1\n".into(), "its kind is unset"),
        ("kind: Pod\nspec:\n\tcontainers: 1\n".into(), "line 3 is indented with a tab"),
        ("kind: Pod\nspec: {{ .spec }}\n".into(), "line 2 has `{{`"),
        ("kind: Pod\nspec: a\u{85}b\n".into(), "line 2 has the control character U+0085"),
        ("kind: Pod\nspec:\n  containers:\n  - name: web\n".into(), "not named etcd but web"),
        (
            "kind: Pod\nspec:\n  containers:\n  - a: 1\n  - name: etcd\n".into(),
            "2 containers (?, etcd)",
        ),
        (
            "kind: Pod\nspec:\n  containers: [{name: etcd}]\n".into(),
            "`containers` in line 3 is written in brackets",
        ),
        (
            "kind: Pod\nspec:\n  <<: {a: 1}\n  containers:\n  - name: etcd\n".into(),
            "line 3 is a merge key",
        ),
        ("kind: Pod\nspec:\n  containers:\n  - name: etcd\n".into(), "no `command`"),
        (
            "kind: Pod\nspec:\n  containers:\n  - name: etcd\n    command: [etcd]\n".into(),
            "`command` in line 5 is written in brackets",
        ),
        (
            pod("    - /bin/sh\n    - -c\n    - exec etcd\n"),
            "line 5 starts etcd by a script (/bin/sh)",
        ),
        (pod("    - /start-etcd.sh\n"), "by a script"),
        (pod("    - nice\n    - etcd\n"), "line 5 starts `nice` and not etcd"),
        (pod("    - &e etcd\n"), "line 5 uses a YAML anchor"),
        (pod("    - !!str etcd\n"), "line 5 uses a YAML anchor"),
        (pod("    - etcd\n    - |\n      --name=m1\n"), "does not stand on one line"),
        (pod("    - etcd\n    -\n      --name=m1\n"), "line 7 is no `- ` item"),
        (pod("    - etcd\n    - --name=m1\n      --x\n"), "line 6 does not stand on one line"),
        (pod("    - etcd\n    - [x]\n"), "line 6 has a list"),
        (
            pod("    - etcd\n    - --auto-compaction-mode\n    - --name=m1\n"),
            "line 6 gives --auto-compaction-mode without a value",
        ),
        (
            pod("    - etcd\n    - --auto-compaction-mode=a\n    - -auto-compaction-mode=b\n"),
            "in line 6 and in line 7, and the last one counts",
        ),
        (
            pod(etcd).replace("    name", "    command: []\n    name"),
            "written with the key `command` twice, again in line 6",
        ),
        (
            RKE2.into(),
            "line 14 gives etcd the configuration file /var/lib/rancher/rke2/server/db/etcd/config",
        ),
        (pod("    - etcd\n    - --config-file\n    - /etc/x\n"), "configuration file /etc/x"),
        (
            pod("    - etcd\n    env:\n    - name: ETCD_CONFIG_FILE\n      value: /x\n"),
            "line 7 gives etcd the configuration file /x",
        ),
    ];
    for (text, expected) in cases {
        let why = why(text, &usual());
        assert!(why.contains(expected) && why.ends_with("; nothing was changed"), "{why}\n{text}");
    }
    assert!(why(&format!("a: {}", "x".repeat(1 << 20)), &usual()).contains("longer than 1 MiB"));
    assert!(why(&format!("a:\n{}", "- ".repeat(99)), &usual()).contains("nested too deeply"));
    let not_utf8 = manifest_text(b"a: 1\nb: \xff\n").err().map(|unfit| unfit.why);
    assert_eq!(
        not_utf8.as_deref(),
        Some("line 2 of the manifest is not UTF-8 text; nothing was changed")
    );
}

/// etcd exits when a setting comes both by a flag and by its variable.
#[test]
fn a_setting_of_the_environment_is_changed_there() {
    let env = "    - etcd\n    env:\n    - name: ETCD_SNAPSHOT_COUNT\n      value: \"5\"\n";
    let edit = flag("snapshot-count", "10000");
    let edited = edited(&pod(env), std::slice::from_ref(&edit));
    assert_eq!(signs(&edited), ["-      value: \"5\"", "+      value: \"10000\""]);
    assert!(edited.notes[0].contains("ETCD_SNAPSHOT_COUNT in line 7"), "{:?}", edited.notes);
    let both = env.replace("- etcd\n", "- etcd\n    - --snapshot-count=7\n");
    assert!(why(&pod(&both), std::slice::from_ref(&edit)).contains("line 6 and its variable"));
    let from = env.replace("value: \"5\"", "valueFrom: {fieldRef: {fieldPath: x}}");
    assert!(why(&pod(&from), &[edit]).contains("from somewhere else"));
}

/// What people put into a manifest that means nothing.
fn decorated(text: &str, marks: &[u8], end: &str) -> String {
    let mut out = String::new();
    let mut marks = marks.iter().cycle();
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let quote = |q: char| match line.split_once("- --") {
            Some((before, flag)) => format!("{before}- {q}--{flag}{q}"),
            None => line.to_owned(),
        };
        let lines = match marks.next().unwrap_or(&0) % 9 {
            0 => format!("{line} # seen{end}"),
            1 => format!("{line}\t# --auto-compaction-mode=x{end}"),
            2 => format!("{indent}# - --a=1{end}{line}{end}"),
            3 => format!("{end}{line}{end}"),
            4 => format!("{line}   {end}"),
            5 => format!("#---{end}{line}{end}"),
            6 => format!("{}{end}", quote('"')),
            7 => format!("{}{end}", quote('\'')),
            _ => format!("{line}{end}"),
        };
        out.push_str(&lines);
    }
    out
}

proptest! {
    #[test]
    fn what_means_nothing_stays_as_it_is(
        marks in prop::collection::vec(any::<u8>(), 1..99),
        crlf in any::<bool>(),
        cut in any::<bool>(),
        name in "[a-z][a-z-]{0,20}",
        value in "[ -~]{0,20}",
    ) {
        prop_assume!(!value.contains("$(") && !value.contains("{{"));
        let text = decorated(KUBEADM, &marks, if crlf { "\r\n" } else { "\n" });
        let text = if cut { text.trim_end() } else { &text };
        let edits = [flag("auto-compaction-retention", "1h"), flag(&name, &value)];
        let edited = edited(text, &edits);
        let gone = |kind| edited.lines.iter().filter(move |line| line.kind == kind);
        let lines = |text: &str, gone: Vec<usize>| -> Vec<String> {
            let all = text.split('\n').enumerate();
            all.filter(|(at, _)| !gone.contains(&(at + 1)))
                .map(|(_, line)| line.trim_end_matches('\r').to_owned())
                .collect()
        };
        let added = gone(DiffKind::Added).map(|line| line.number).collect();
        let removed = gone(DiffKind::Removed).map(|line| line.number).collect();
        prop_assert_eq!(lines(&edited.text, added), lines(text, removed));
        prop_assert_eq!(edited.text.contains('\r'), crlf);
        let again = edit_manifest(&edited.text, &edits);
        prop_assert!(again.is_ok_and(|again| again.text == edited.text && again.lines.is_empty()));
    }

    #[test]
    fn nothing_panics(text in "[-a-z :#'\"{}\\[\\]&*|>\n\t]{0,200}", at in 0_usize..KUBEADM.len()) {
        let _ = edit_manifest(&text, &usual());
        let (head, tail) = KUBEADM.split_at(at);
        let _ = edit_manifest(&format!("{head}{text}{tail}"), &usual());
        let _ = edit_manifest(head, &usual());
    }
}
