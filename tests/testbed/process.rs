//! A child process that cannot outlive the program that started it.

mod spawner;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{PipeReader, Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::net::TcpStream;
use tokio::sync::watch;

pub use crate::tail::tail;

const POLL: Duration = Duration::from_millis(10);

/// What to run; see [`Process::of`].
#[derive(Debug)]
pub struct Program {
    name: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    bare_environment: bool,
    tie: Option<PipeReader>,
    grace: Duration,
}

impl Program {
    /// Adds one argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets one environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets environment variables.
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(self, variables: impl IntoIterator<Item = (N, V)>) -> Self {
        variables.into_iter().fold(self, |program, (name, value)| program.env(name, value))
    }

    /// Passes on nothing of this process's environment but `PATH`, `HOME` and `TMPDIR`.
    pub fn bare_environment(mut self) -> Self {
        self.bare_environment = true;
        self
    }

    /// How long dropping the process waits after SIGTERM before SIGKILL; half a second unless told.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Ties it to this process by its standard input alone, in place of a signal at this process's death: for a program
    /// that has something left to do then. It must take the end of `input` as its own.
    pub fn tied_by(mut self, input: PipeReader) -> Self {
        self.tie = Some(input);
        self
    }

    /// Starts it. Its output goes to `NAME.out` and its errors to `NAME.log` in `logs`, appended to what is there.
    pub fn spawn(self, logs: &Path) -> Result<Process> {
        fs::create_dir_all(logs).with_context(|| format!("creating {}", logs.display()))?;
        let stdout = logs.join(format!("{}.out", self.name));
        let log = logs.join(format!("{}.log", self.name));
        let out = append(&stdout)?;
        let stdout_from = out.metadata().context("reading the size of the output so far")?.len();
        let mut command = match &self.tie {
            Some(_) => std::process::Command::new(&self.program),
            None => crate::supervise::command(self.program.as_os_str()),
        };
        if self.bare_environment {
            command.env_clear();
            command
                .envs(["PATH", "HOME", "TMPDIR"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        command.args(&self.arguments).envs(self.environment);
        command.stdin(self.tie.map_or_else(Stdio::null, Stdio::from)).stdout(out).stderr(append(&log)?);
        let (pid, exit) = spawner::spawn(command).with_context(|| format!("starting {}", self.program.display()))?;
        Ok(Process { name: self.name, pid, exit, stdout, stdout_from, log, grace: self.grace })
    }
}

fn append(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| format!("opening {}", path.display()))
}

/// A running child in a process group of its own, killed when dropped, or with this process, whatever ends it.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    exit: watch::Receiver<Option<ExitStatus>>,
    stdout: PathBuf,
    stdout_from: u64,
    log: PathBuf,
    grace: Duration,
}

impl Process {
    /// Describes a run of `program`; `name` names its log files.
    pub fn of(name: impl Into<String>, program: impl Into<PathBuf>) -> Program {
        Program {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            bare_environment: false,
            tie: None,
            grace: Duration::from_millis(500),
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The name it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file with everything it wrote to standard error.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The file with everything it wrote to standard output.
    pub fn stdout(&self) -> &Path {
        &self.stdout
    }

    /// How it ended, if it has.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits until it takes connections at an address.
    ///
    /// # Errors
    /// If it ends before, or does not within `patience`.
    pub async fn until_listening(&self, address: SocketAddr, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while TcpStream::connect(address).await.is_err() {
            self.check_running()?;
            if Instant::now() > deadline {
                bail!("nothing listens on {address} after {patience:?}; log: {}", self.log().display());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// An error that quotes the end of the log, if the process has ended.
    pub fn check_running(&self) -> Result<()> {
        match self.exit_status() {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}){}", self.name, self.last_words()),
        }
    }

    /// The end of its log, for an error message: what it wrote to standard error, else to standard output.
    pub fn last_words(&self) -> String {
        let words =
            Some(tail(&self.log, 15)).filter(|words| !words.is_empty()).unwrap_or_else(|| tail(&self.stdout, 15));
        if words.is_empty() { "; it wrote nothing".to_owned() } else { format!("; the end of its log:\n{words}") }
    }

    /// Waits until it has ended.
    pub async fn wait(&self) -> Result<ExitStatus> {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        ended.with_context(|| format!("nobody waits for {} any more", self.name))
    }

    /// Waits for a line on standard output, written by this run, for which `wanted` is true; returns it.
    pub async fn wait_for_stdout_line(&self, timeout: Duration, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + timeout;
        loop {
            // Asked before reading: what a process wrote before it ended must still be found.
            let ended = self.exit_status().is_some();
            if let Some(line) = complete_lines(&self.stdout, self.stdout_from)?.into_iter().find(|line| wanted(line)) {
                return Ok(line);
            }
            if ended {
                self.check_running()?;
            }
            if Instant::now() >= deadline {
                bail!("{} did not print the awaited line within {timeout:?}{}", self.name, self.last_words());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// SIGTERM, then SIGKILL if it has not ended within `grace`. Returns how it ended.
    pub async fn terminate(&self, grace: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM);
        if let Ok(ended) = tokio::time::timeout(grace, self.wait()).await {
            return ended;
        }
        self.kill().await
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&self) -> Result<ExitStatus> {
        self.signal(Signal::SIGKILL);
        self.wait().await
    }

    /// Stops it where it stands, as a long pause would.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on after [`Process::pause`].
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Sends `signal` to it and to whatever it started.
    pub fn signal(&self, signal: Signal) {
        if self.exit_status().is_some() {
            return;
        }
        if let Ok(group) = i32::try_from(self.pid) {
            // Already gone is as good as signalled.
            let _ = killpg(Pid::from_raw(group), signal);
        }
    }

    fn wait_blocking(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while self.exit_status().is_none() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.grace.is_zero() {
            self.signal(Signal::SIGTERM);
            // A paused process would sleep through it.
            self.signal(Signal::SIGCONT);
        }
        if !self.wait_blocking(self.grace) {
            self.signal(Signal::SIGKILL);
            self.wait_blocking(Duration::from_secs(5));
        }
    }
}

/// Starts a program that is meant to outlive this one, and is no concern of anyone's.
pub(crate) fn spawn_detached(command: std::process::Command) -> Result<()> {
    spawner::spawn(command).map(drop).context("starting a process")
}

/// Lines from byte `from` on that are written to their end.
fn complete_lines(path: &Path, from: u64) -> Result<Vec<String>> {
    let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let complete = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
    Ok(complete.lines().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests;
