//! The one thread that starts children.
//!
//! The kernel sends the parent-death signal when the *thread* that started a child ends, not the process. A test's
//! thread, or a worker of a runtime, ends long before, and would take a shared cluster down with it. This one never does.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::sync::watch;

struct Order {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();

/// Starts `command` in a process group of its own. The receiver tells how it ended.
pub(super) fn spawn(mut command: Command) -> io::Result<(u32, watch::Receiver<Option<ExitStatus>>)> {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
    let (reply, answer) = channel();
    let gone = || io::Error::other("the thread that starts processes has ended");
    spawner().send(Order { command, reply }).map_err(|_| gone())?;
    let child = answer.recv().map_err(|_| gone())??;
    let pid = child.id();
    let (tell, exit) = watch::channel(None);
    std::thread::Builder::new().name(format!("wait-{pid}")).spawn(move || reap(child, &tell))?;
    Ok((pid, exit))
}

fn spawner() -> &'static Sender<Order> {
    SPAWNER.get_or_init(|| {
        let (orders, inbox) = channel::<Order>();
        // If no thread can be had, the inbox is dropped and every order says so.
        let _ = std::thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            for mut order in inbox {
                let _ = order.reply.send(order.command.spawn());
            }
        });
        orders
    })
}

fn reap(mut child: Child, tell: &watch::Sender<Option<ExitStatus>>) {
    let pid = child.id();
    if let Ok(status) = child.wait() {
        // What the child started itself must not outlive it. At once: later the number may be someone else's.
        if let Ok(group) = i32::try_from(pid) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = tell.send(Some(status));
    }
}
