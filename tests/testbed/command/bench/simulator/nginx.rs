//! nginx with one worker, over TLS, always with the same answer.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use testbed::{Process, binaries, ports};

use super::client::{Door, Stream};

const PATIENCE: Duration = Duration::from_secs(10);

/// A running one. It ends with the value.
pub(super) struct Nginx {
    _process: Process,
    door: Door,
}

impl Nginx {
    /// `None` where it is not installed.
    pub(super) async fn start(folder: &Path, answer: &str, core: usize) -> Result<Option<Self>> {
        let Some(nginx) =
            binaries::on_path("nginx").or_else(|| Some("/usr/sbin/nginx".into())).filter(|it| it.is_file())
        else {
            return Ok(None);
        };
        if answer.contains(['\'', '$', '\\']) {
            bail!("the answer cannot be quoted in nginx's configuration: {answer}");
        }
        let address = ports::free_address()?;
        let certified = rcgen::generate_simple_self_signed([address.ip().to_string()])?;
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        fs::write(&certificate, certified.cert.pem())?;
        fs::write(&key, certified.signing_key.serialize_pem())?;
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("  {name}_temp_path {};\n", folder.join(name).display()))
            .concat();
        let configuration = format!(
            "daemon off;\nworker_processes 1;\nerror_log stderr error;\npid {};\nevents {{ worker_connections 1024; }}\n\
             http {{\n  access_log off;\n  keepalive_requests 100000000;\n{temporary}\
             \x20 server {{\n    listen {address} ssl;\n    ssl_certificate {};\n    ssl_certificate_key {};\n\
             \x20   location / {{ default_type application/json; return 200 '{answer}'; }}\n  }}\n}}\n",
            folder.join("nginx.pid").display(),
            certificate.display(),
            key.display(),
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration)?;
        let program = Process::of("nginx", "taskset").args(["-c", &core.to_string()]).arg(nginx);
        let process = program.args(["-e", "stderr", "-c"]).arg(&file).arg("-p").arg(folder).spawn(folder)?;
        process.until_listening(address, PATIENCE).await?;
        Ok(Some(Self { _process: process, door: Door::new(address, &certificate)? }))
    }

    pub(super) async fn connect(&self) -> Result<Stream> {
        self.door.connect().await
    }

    pub(super) fn request(&self) -> Vec<u8> {
        b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n".to_vec()
    }
}
