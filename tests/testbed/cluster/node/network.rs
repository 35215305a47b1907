//! A veth pair between this machine and a node, and which addresses go over it.

use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

const LAST: u8 = 250;
/// A route wider than this is somebody's private network at large: ours, being narrower, win over it and take nothing
/// that is likely to be in use.
const NARROW: u32 = 16;

/// The addresses of a node, all of them following from one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    number: u8,
}

impl Network {
    pub(super) fn new(number: u8) -> Self {
        Self { number }
    }

    /// This machine as the node and its pods see it: a server that pods are to reach listens here.
    pub fn host(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 254, self.number, 1)
    }

    /// The node.
    pub fn node(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 254, self.number, 2)
    }

    /// Pods, reachable from this machine.
    pub fn pods(self) -> String {
        format!("10.244.{}.0/24", self.number)
    }

    /// The first three bytes of the addresses of Services, reachable from this machine too.
    pub(super) fn services(self) -> [u8; 3] {
        [10, 96, self.number]
    }

    /// A name for what can be had only once on this machine.
    pub(super) fn name(self) -> String {
        format!("acs-node-{}", self.number)
    }

    fn ranges(self) -> [u32; 3] {
        let [a, b, c] = self.services();
        [self.node(), Ipv4Addr::new(10, 244, self.number, 0), Ipv4Addr::new(a, b, c, 0)].map(u32::from)
    }
}

/// Joins the network namespace of the process `inside` to this one by the first free number. Making the interface *is*
/// the claim: the kernel gives a name once, and takes the pair down with the namespace.
pub(super) fn join(inside: u32) -> Result<Network> {
    let routes = routes(&fs::read_to_string("/proc/net/route").context("reading the routes of this machine")?);
    for number in 1..=LAST {
        let network = Network::new(number);
        if routes.iter().any(|route| route.overlaps(network)) {
            continue;
        }
        let name = network.name();
        let inside = inside.to_string();
        let arguments = ["link", "add", &name, "type", "veth", "peer", "name", "node0", "netns", &inside];
        let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output().context("starting ip")?;
        if output.status.success() {
            configure(network, &inside)?;
            return Ok(network);
        }
        let reason = words(&output);
        if !reason.contains("File exists") {
            bail!("no veth pair can be made on this machine: {reason}");
        }
    }
    bail!("all {LAST} networks for nodes are in use (`ip link` shows them as acs-node-…)")
}

fn configure(network: Network, inside: &str) -> Result<()> {
    let (host, node, name) = (network.host(), network.node(), network.name());
    let [a, b, c] = network.services();
    let here = format!(
        "address add {host}/30 dev {name}\nlink set {name} up\nroute add {} via {node}\nroute add {a}.{b}.{c}.0/24 via {node}\n",
        network.pods()
    );
    batch(Command::new("ip"), &here)?;
    let there =
        format!("link set lo up\naddress add {node}/30 dev node0\nlink set node0 up\nroute add default via {host}\n");
    let mut enter = Command::new("nsenter");
    enter.arg(format!("--net=/proc/{inside}/ns/net")).arg("ip");
    batch(enter, &there)
}

fn batch(mut ip: Command, lines: &str) -> Result<()> {
    ip.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = ip.spawn().context("starting ip")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(lines.as_bytes()).context("telling ip what to do")?;
    }
    let output = child.wait_with_output().context("waiting for ip")?;
    if !output.status.success() {
        bail!("the node's network could not be set up: {}", words(&output));
    }
    Ok(())
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")
}

/// The kernel takes the pair down with the node's namespace, a moment later. This does it now.
pub(super) fn part(network: Network) {
    let mut command = Command::new("ip");
    command.args(["link", "delete", &network.name()]);
    let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

#[derive(Debug, PartialEq, Eq)]
struct Route {
    destination: u32,
    mask: u32,
}

impl Route {
    fn overlaps(&self, network: Network) -> bool {
        self.mask.count_ones() >= NARROW
            && network.ranges().into_iter().any(|range| {
                let mask = self.mask & u32::from(Ipv4Addr::new(255, 255, 255, 0));
                range & mask == self.destination & mask
            })
    }
}

/// `/proc/net/route` writes addresses as the bytes lie in memory.
fn routes(table: &str) -> Vec<Route> {
    let number =
        |text: Option<&&str>| u32::from_str_radix(text?, 16).ok().map(|value| u32::from_be_bytes(value.to_ne_bytes()));
    let lines = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.filter_map(|words| Some(Route { destination: number(words.get(1))?, mask: number(words.get(7))? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
        eth0\t0000000A\t0101A8C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n\
        acs-node-3\t0003FE0A\t00000000\t0001\t0\t0\t0\tFCFFFFFF\t0\t0\t0\n\
        docker0\t0007600A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";

    #[test]
    fn only_what_is_narrow_and_ours_stands_in_the_way() {
        let routes = routes(TABLE);
        assert_eq!(routes.len(), 4);
        let taken = |number| routes.iter().any(|route| route.overlaps(Network::new(number)));
        assert_eq!([1, 2, 3, 7].map(taken), [false, false, true, true]);
    }

    #[test]
    fn an_interface_name_is_short_enough_for_the_kernel() {
        assert!(Network::new(LAST).name().len() <= 15);
    }
}
