//! What runs on a node, and how each part of it is configured.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::network::Network;
use super::order::Order;
use super::requirements;
use crate::cluster::control_plane::Access;
use crate::cluster::pki::{self, Identity};
use crate::parts::{Part, Parts};

/// The image that holds a pod's namespaces: name and tag.
pub(super) const PAUSE: (&str, &str) = ("pause", "1");
/// Inside the node.
pub(super) const CONTAINERD: &str = "/run/containerd/containerd.sock";
const KUBELET_CERTIFICATE: &str = "kubelet.crt";
const KUBELET_KEY: &str = "kubelet.key";
/// By this name pods reach the machine that the node runs on.
const HOST: &str = "host.node.local";

/// Makes the orders that start a node's programs.
pub(super) struct Components<'a> {
    pub(super) parts: &'a Parts,
    pub(super) dir: &'a Path,
    pub(super) network: Network,
    pub(super) access: &'a Access,
}

impl Components<'_> {
    /// Certificates of the kubelet, in both its roles: it asks the API server, and is asked by it.
    pub(super) fn certificates(&self) -> Result<()> {
        let names = vec![self.network.node().to_string(), self.network.name()];
        let authority = &self.access.authority;
        authority.write_server(self.dir, "kubelet", names, KUBELET_CERTIFICATE, KUBELET_KEY)?;
        let (certificate, key) = (pki::KUBELET_CLIENT_CERTIFICATE, pki::KUBELET_CLIENT_KEY);
        authority.write_client(self.dir, &Identity::kubelet_client(), certificate, key)
    }

    /// Needs nothing else to run.
    pub(super) fn containerd(&self) -> Result<Order> {
        let plugins = requirements::plugins().context("the network plugins have gone")?;
        self.put("cni/10-pods.conflist", &self.pod_network().to_string())?;
        let config = format!(
            "version = 3\nroot = '/var/lib/containerd'\nstate = '/run/containerd'\n\
             # Its folder would be made on this machine.\n\
             disabled_plugins = ['io.containerd.internal.v1.opt']\n\
             [grpc]\naddress = '{CONTAINERD}'\n\
             [plugins.'io.containerd.cri.v1.images']\nsnapshotter = 'overlayfs'\n\
             [plugins.'io.containerd.cri.v1.images'.pinned_images]\nsandbox = 'node.local/{}:{}'\n\
             [plugins.'io.containerd.cri.v1.runtime']\n\
             # Where the right to be spared by the kernel is missing, runc would fail on every pod.\n\
             restrict_oom_score_adj = true\n\
             # It would load a profile into the kernel of this machine.\n\
             disable_apparmor = true\n\
             [plugins.'io.containerd.cri.v1.runtime'.cni]\nbin_dirs = ['{}']\nconf_dir = '{}'\n",
            PAUSE.0,
            PAUSE.1,
            plugins.display(),
            self.dir.join("cni").display(),
        );
        let config = self.put("containerd.toml", &config)?;
        self.order(Part::Containerd, [format!("--config={}", config.display())])
    }

    /// A cable to each pod and routes. A bridge would need the kernel to filter what it passes on.
    fn pod_network(&self) -> Value {
        let ranges = json!([[{"subnet": self.network.pods()}]]);
        let addresses =
            json!({"type": "host-local", "dataDir": "/run/cni", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}]});
        json!({
            "cniVersion": "1.0.0",
            "name": "pods",
            "plugins": [
                {"type": "ptp", "ipMasq": false, "ipam": addresses},
                {"type": "portmap", "capabilities": {"portMappings": true}},
            ],
        })
    }

    /// Needs the API server and containerd.
    pub(super) fn kubelet(&self) -> Result<Order> {
        let file = |name: &str| self.dir.join(name);
        let node = self.network.node().to_string();
        // What pods ask for other than the cluster's names does not leave this machine.
        let resolver = self.put("resolv.conf", &format!("nameserver {node}\n"))?;
        let config = json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": false,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": format!("/{}", self.network.name()),
            "containerRuntimeEndpoint": format!("unix://{CONTAINERD}"),
            "address": &node,
            "authentication": {
                "anonymous": {"enabled": false},
                "webhook": {"enabled": true},
                "x509": {"clientCAFile": file(pki::AUTHORITY)},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": file(KUBELET_CERTIFICATE),
            "tlsPrivateKeyFile": file(KUBELET_KEY),
            "clusterDNS": [&node],
            "clusterDomain": "cluster.local",
            "resolvConf": resolver,
            "podLogsDir": file("pods"),
            "volumePluginDir": "/var/lib/kubelet/plugins",
            "maxOpenFiles": 20000,
            "failSwapOn": false,
            // This machine is shared: how full it is says nothing about the node.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "nodeStatusUpdateFrequency": "5s",
            // A changed ConfigMap or Secret is in its pods within seconds, and a container that ended is back at once.
            "configMapAndSecretChangeDetectionStrategy": "Watch",
            "syncFrequency": "2s",
            "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},
        });
        let config = self.put("kubelet.json", &config.to_string())?;
        let kubeconfig = self.kubeconfig(&Identity::node(&self.network.name()), "kubelet")?;
        self.order(
            Part::Kubelet,
            [
                format!("--config={}", config.display()),
                format!("--kubeconfig={}", kubeconfig.display()),
                format!("--hostname-override={}", self.network.name()),
                format!("--node-ip={node}"),
            ],
        )
    }

    /// Needs the API server.
    pub(super) fn proxy(&self) -> Result<Order> {
        let kubeconfig = self.kubeconfig(&Identity::proxy(), "kube-proxy")?;
        let mut arguments = vec![
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--hostname-override={}", self.network.name()),
            format!("--cluster-cidr={}", self.network.pods()),
            format!("--bind-address={}", self.network.node()),
        ];
        arguments.extend(["--proxy-mode=iptables", "--healthz-bind-address=127.0.0.1:10256"].map(str::to_owned));
        arguments.push("--metrics-bind-address=127.0.0.1:10249".to_owned());
        // Limits of the whole machine: left as they are.
        let limits = ["max-per-core", "min", "tcp-timeout-established", "tcp-timeout-close-wait"];
        arguments.extend(limits.map(|limit| format!("--conntrack-{limit}=0")));
        self.order(Part::KubeProxy, arguments)
    }

    /// Needs the API server.
    pub(super) fn coredns(&self) -> Result<Order> {
        let kubeconfig = self.kubeconfig(&Identity::coredns(), "coredns")?;
        let zones = format!(
            ".:53 {{\n  bind {}\n  errors\n  cache 2\n  hosts {{\n    {} {HOST}\n    fallthrough\n  }}\n  \
             kubernetes cluster.local in-addr.arpa {{\n    kubeconfig {}\n  }}\n}}\n",
            self.network.node(),
            self.network.host(),
            kubeconfig.display()
        );
        let zones = self.put("Corefile", &zones)?;
        self.order(Part::Coredns, ["-conf".to_owned(), zones.display().to_string()])
    }

    fn kubeconfig(&self, identity: &Identity, name: &str) -> Result<PathBuf> {
        let path = self.dir.join(format!("{name}.kubeconfig"));
        self.access.kubeconfig(identity, &path)?;
        Ok(path)
    }

    fn put(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    fn order(&self, part: Part, arguments: impl Into<Vec<String>>) -> Result<Order> {
        // containerd looks for its shim there, the shim for runc, the proxy for iptables.
        let own = self.parts.path(Part::Containerd)?.parent().unwrap_or(self.dir).display();
        Ok(Order {
            name: part.name().to_owned(),
            program: self.parts.path(part)?.to_owned(),
            arguments: arguments.into(),
            path: format!("{own}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        })
    }
}
