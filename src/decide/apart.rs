//! Members that serve their own node only, as k0s starts them: what may be done from
//! here all the same, and the lines that bring them here. Pure.

use crate::model::{Member, Refusal, RefusalKind, Scope, SilenceKind, Wishes, World, layout::May};

/// Local ends of the tunnels: 12379, 22379 and so on.
const FIRST_PORT: u32 = 12_379;
const PORT_STEP: u32 = 10_000;

/// What the client port is where a URL has none.
const CLIENT_PORT: &str = "2379";

/// Whether it can be asked on its own node alone.
pub(super) fn is_apart(member: &Member) -> bool {
    member.status.as_ref().is_err_and(|silence| silence.kind == SilenceKind::OwnNodeOnly)
}

/// Whether the quorum of these members is known all the same: a leader is one only
/// while a majority hears it (etcd's check-quorum).
pub(super) fn counts_as_up(world: &World, member: &Member) -> bool {
    is_apart(member) && world.leader().is_some()
}

/// Why a recovery or a disarm is not done while members are out of sight, and every
/// line to type; a compaction, a defragmentation of this node's member and a deletion
/// do not need to see the others.
pub(super) fn refusal(world: &World, wishes: &Wishes) -> Option<Refusal> {
    let apart: Vec<&Member> = world.members.iter().filter(|member| is_apart(member)).collect();
    let first = apart.first()?;
    if !matches!(wishes.scope, Scope::Recover | Scope::Disarm) {
        return None;
    }
    let names = apart.iter().map(|member| member.label()).collect::<Vec<_>>().join(", ");
    let row = world.node.layout();
    let why = if row.may == May::OwnNodeOnly {
        row.why.to_owned()
    } else {
        format!("member {} advertises a loopback address only", first.label())
    };
    Some(Refusal {
        kind: RefusalKind::Layout,
        flag: None,
        what: format!(
            "{why}; {names} cannot be seen, and the alarm may only be taken off while every \
             member's size is seen"
        ),
        next: next(world, wishes, &apart),
    })
}

/// Tunnels to each, then the same command through them; and what each node can do
/// alone.
fn next(world: &World, wishes: &Wishes, apart: &[&Member]) -> String {
    let mut endpoints: Vec<String> =
        world.node.endpoints.iter().map(|found| found.value.clone()).collect();
    let mut lines =
        vec!["bring them here by ssh tunnels, one for each (needs root's ssh to them):".to_owned()];
    for (number, member) in (0_u32..).zip(apart) {
        let port = FIRST_PORT + number * PORT_STEP;
        let host = member.status.as_ref().err().and_then(|silence| silence.peer_host.as_deref());
        let there = client_port(&member.endpoint);
        lines.push(format!(
            "`ssh -f -N -o ExitOnForwardFailure=yes -L {port}:127.0.0.1:{there} root@{}` ({})",
            host.unwrap_or("ADDRESS"),
            member.label()
        ));
        let scheme = member.endpoint.split_once("://").map_or("https", |(scheme, _)| scheme);
        endpoints.push(format!("{scheme}://127.0.0.1:{port}"));
    }
    let command = if wishes.scope == Scope::Disarm { "disarm" } else { "recover" };
    let endpoints = endpoints.join(",");
    lines.push(format!("`etcd-rescue {command} --endpoints {endpoints}`"));
    lines.push("and end them afterwards: `pgrep -f 'ssh -f -N -o Exit' | xargs kill`".to_owned());
    if wishes.scope == Scope::Recover {
        lines.push(
            "or without tunnels as far as that goes: here `etcd-rescue compact`, then on each \
             controller, one after the other, `etcd-rescue defrag`; the alarm goes off through the \
             tunnels only"
                .to_owned(),
        );
    }
    lines.join("\n")
}

fn client_port(endpoint: &str) -> &str {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or(authority);
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    port.filter(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
        .unwrap_or(CLIENT_PORT)
}

#[cfg(test)]
mod tests {
    use super::client_port;

    #[test]
    fn the_port_is_the_urls_or_the_usual_one() {
        for (url, port) in [
            ("https://127.0.0.1:2379", "2379"),
            ("https://127.0.0.1:2390/", "2390"),
            ("https://localhost", "2379"),
            ("https://[::1]", "2379"),
            ("https://[::1]:7", "7"),
        ] {
            assert_eq!(client_port(url), port, "{url}");
        }
    }
}
