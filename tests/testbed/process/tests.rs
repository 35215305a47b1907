use super::*;

fn shell(script: &str) -> Program {
    Process::of("sh", "/bin/sh").args(["-c", script])
}

const SECONDS: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_line_is_found_and_the_end_is_told() {
    let logs = tempfile::tempdir().unwrap();
    let process = shell("echo one; echo two=$COLOUR; exit 3").env("COLOUR", "red").spawn(logs.path()).unwrap();
    let line = process.wait_for_stdout_line(SECONDS, |line| line.starts_with("two")).await.unwrap();
    assert_eq!(line, "two=red");
    assert_eq!(process.wait().await.unwrap().code(), Some(3));
}

#[tokio::test]
async fn an_early_end_quotes_the_log() {
    let logs = tempfile::tempdir().unwrap();
    let process = shell("echo no such flag >&2; exit 1").spawn(logs.path()).unwrap();
    let error = process.wait_for_stdout_line(SECONDS, |_| true).await.unwrap_err();
    assert!(error.to_string().contains("no such flag"), "{error}");
}

#[tokio::test]
async fn a_line_of_an_earlier_run_does_not_count() {
    let logs = tempfile::tempdir().unwrap();
    shell("echo ready").spawn(logs.path()).unwrap().wait().await.unwrap();
    let second = shell("sleep 60").spawn(logs.path()).unwrap();
    let line = second.wait_for_stdout_line(Duration::from_millis(100), |line| line == "ready").await;
    assert!(line.is_err());
}

#[tokio::test]
async fn terminate_kills_what_ignores_it() {
    let logs = tempfile::tempdir().unwrap();
    let process = shell("trap '' TERM; echo ready; while :; do sleep 1; done").spawn(logs.path()).unwrap();
    process.wait_for_stdout_line(SECONDS, |line| line == "ready").await.unwrap();
    let status = process.terminate(Duration::from_millis(100)).await.unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}

#[tokio::test]
async fn dropping_takes_grandchildren_along() {
    let logs = tempfile::tempdir().unwrap();
    let process = shell("sleep 600 & echo $!; wait").spawn(logs.path()).unwrap();
    let grandchild = process.wait_for_stdout_line(SECONDS, |line| !line.is_empty()).await.unwrap();
    drop(process);
    let status = PathBuf::from(format!("/proc/{grandchild}/status"));
    crate::wait_for("the grandchild to end", SECONDS, || async {
        fs::read_to_string(&status).map_or(true, |text| text.contains("State:\tZ"))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_process_outlives_the_thread_that_asked_for_it() {
    let logs = tempfile::tempdir().unwrap();
    let path = logs.path().to_owned();
    let process = std::thread::spawn(move || shell("sleep 60").spawn(&path).unwrap()).join().unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    process.check_running().unwrap();
}

#[test]
fn the_tail_of_nothing_is_empty() {
    assert_eq!(tail(Path::new("/nonexistent"), 3), "");
}
