//! `logs` and `exec` for the etcd container.

use std::{ops::ControlFlow, path::Path};

use crate::{
    failure::{Exit, Failure},
    model::{Container, Located},
    observe::{
        self,
        logs::{LogError, LogFile, LogLine},
    },
    wire::cri::Cri,
};

use super::{failures, session::Session};

/// Prints the container's log.
pub async fn logs(
    session: &Session,
    tail: Option<usize>,
    follow: bool,
    previous: bool,
) -> Result<Exit, Failure> {
    let (_, container) = container(session).await?;
    let Some(current) = &container.log_path else {
        return Err(Failure::new(
            Exit::Unreachable,
            "the runtime does not say where the log of the etcd container is",
            "Nothing was changed in etcd.",
            "look under /var/log/pods/",
        ));
    };
    let path = if previous {
        observe::logs::previous(current).ok_or_else(|| {
            Failure::new(
                Exit::Unreachable,
                format!("there is no log of an earlier attempt beside {}", current.display()),
                "Nothing was changed in etcd.",
                format!("`{}`", session.settings.command_line("logs")),
            )
        })?
    } else {
        current.clone()
    };
    session.voice.detail(1, &format!("reading {}", path.display()));
    print(session, &path, tail, follow).await.map_err(|error| {
        Failure::new(
            Exit::Unreachable,
            format!("{error}: {}", error.source),
            "Nothing was changed in etcd.",
            "see whether another attempt's log is there: `ls` that directory",
        )
    })?;
    Ok(Exit::Ok)
}

async fn print(
    session: &Session,
    path: &Path,
    tail: Option<usize>,
    follow: bool,
) -> Result<(), LogError> {
    let mut each = |line: LogLine| {
        let text = format!("{} {}\n", line.time, line.text);
        // A closed pipe is the reader's wish to stop.
        match session.voice.raw(text.as_bytes()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    let mut log = match tail {
        Some(lines) => LogFile::open_tail(path, lines)?,
        None => LogFile::open(path)?,
    };
    if follow {
        return log.follow(each).await;
    }
    if log.read(&mut each)?.is_continue() {
        log.finish(&mut each);
    }
    Ok(())
}

/// Runs a program in the etcd container; the exit code is the program's.
pub async fn exec(session: &Session, command: &[String]) -> Result<u8, Failure> {
    let (node, container) = container(session).await?;
    let failed = |what: String| {
        Failure::new(
            Exit::Unreachable,
            what,
            "Nothing was changed by etcd-rescue itself.",
            "most etcd images have no shell: name the program itself, such as `etcd-rescue exec -- \
             etcdctl version`",
        )
    };
    let socket = node.runtime.as_ref().map(|runtime| runtime.socket.value.clone());
    let socket = socket.ok_or_else(|| failed("no container runtime was found".to_owned()))?;
    let cri = Cri::connect(&socket, session.settings.timeout)
        .await
        .map_err(|error| failed(error.to_string()))?;
    // The program's own time: --wait, not the deadline of a short call.
    let answer = cri
        .exec_sync(&container.id, command, session.settings.wait)
        .await
        .map_err(|error| failed(format!("`{}` did not run: {error}", command.join(" "))))?;
    // A closed pipe is the reader's wish.
    let _ = session.voice.raw(&answer.stdout);
    let _ = session.voice.raw_err(&answer.stderr);
    Ok(u8::try_from(answer.exit_code).unwrap_or(u8::MAX))
}

async fn container(session: &Session) -> Result<(Located, Container), Failure> {
    let node = observe::locate(&session.settings)
        .await
        .map_err(|error| failures::locate(session, &error))?;
    let container = node.container.clone().ok_or_else(|| {
        let unit = node.layout().unit;
        let unit = if unit.is_empty() { "etcd" } else { unit };
        Failure::new(
            Exit::Unreachable,
            format!("etcd does not run in a container on this node ({})", node.layout().name),
            "Nothing was changed in etcd.",
            format!("its words are in the journal: `journalctl -u {unit} --since -1h`"),
        )
    })?;
    Ok((node, container))
}
