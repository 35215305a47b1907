//! What `--help` teaches. Lines that begin with `$` are examples: tests take them from here and run them as they stand.

/// For `azure-sim --help`.
pub(super) const ABOUT: &str = "Simulates the parts of Azure that acs-operator talks to";

/// For `azure-sim --help`, in full.
pub(super) const LONG: &str = "\
azure-sim answers as Azure does: Entra, Azure Resource Manager for Communication Services, Notification Hubs and
Event Grid, with deliveries of events and pushes to phones. Nothing in it is real: give it no key of yours.";

/// After `azure-sim --help`.
pub(super) const AFTER: &str = r#"First steps:
  $ azure-sim run --dir /tmp/azure &                    # one line of JSON says where it listens
  $ until [ -s /tmp/azure/env ]; do sleep 0.1; done     # the last that it writes, and gone when it ends
  $ . /tmp/azure/env                                    # endpoint, ids, secret, authority, as Azure's tools read them
  $ SIM=$AZURE_RESOURCE_MANAGER_ENDPOINT
  $ curl -H "Accept: text/plain" "$SIM/_sim/state"      # what is in it, as a tree
The page that shows all of it is $SIM/_sim/: resources, live journal, deliveries, phones, faults, and things to try.

Who is to talk to it:
  az                 as ever, after these:
  $ export AZURE_CORE_INSTANCE_DISCOVERY=false          # nobody but the simulator is asked about its authority
  $ az cloud register --name Simulated --endpoint-resource-manager "$AZURE_RESOURCE_MANAGER_ENDPOINT"
  $ az cloud set --name Simulated
  $ az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID"
  SDKs               credentials read `env`; clients of Azure Resource Manager are given $SIM as endpoint and
                     $SIM/.default as scope; instance discovery is off, as for every private cloud
  acs-operator       on this machine by `env`; in a cluster by the chart's value azureSim.enabled=true, with accounts
                     that say spec.cloud: Simulator

What shall go wrong, and what happened:
  $ curl "$SIM/_sim/faults" -d '{"method": "PUT", "times": 2, "answer": {"status": 503}}'  # two PUTs fail
  $ curl "$SIM/_sim/faults?unfired"                     # those that never struck: a test wants none
  $ curl "$SIM/_sim/journal?method=PUT&status=5xx"      # the requests that failed

All doors, and how to make it slow, lasting or reachable: azure-sim run --help.
Whether it is as Azure: azure-sim check --help.

Exit codes: 0 ended as it was told, 1 could not run or go on, 64 mistakes in the options; those of check: see there.
Variables: every option of run is one, too, AZURE_SIM_ and its name. RUST_LOG selects what is logged [default: info].
"#;

/// After `azure-sim run --help`.
pub(super) const RUN: &str = r#"Examples:
  $ azure-sim run --dir /tmp/azure                      # everything is done at once
  $ azure-sim run --dir /tmp/azure --profile azure      # as slow as Azure
  $ azure-sim run --dir /tmp/azure --profile azure --time-scale 0.02       # fifty times faster
  $ azure-sim run --dir /tmp/azure --keep               # a later start goes on where this one stops, or is killed
  $ azure-sim run --dir /tmp/azure --listen 127.0.0.1:8443 --authority /tmp/authority  # same address and trust always
  $ azure-sim run --dir /tmp/azure --faults faults.yaml # faults from the start
  $ AZURE_SIM_SEED=7 azure-sim run --dir /tmp/azure     # other keys and guids; every option is a variable, too

DIR gets ca.crt (the authority that signed the server) and env (export lines, with the client secret, for `. DIR/env`).
env is the last that it writes, whole or not at all, and goes when it ends.
One line of JSON on stdout says where it listens, in `listening`; logs go to stderr. SIGTERM or SIGINT ends it, with 0.

What is sent with the header Host NAMESPACE.servicebus.windows.net goes to that namespace's data plane (pushes):
connect to the same address. Everything else is Azure Resource Manager and Entra, but for the simulator's own doors,
which speak JSON:
  GET  /_sim/                      a page for people: resources, live journal, deliveries, phones, faults
  GET  /_sim/state?under=ID        every resource, and a tree of them; drawn for Accept: text/plain
  GET  /_sim/journal?since=N       every request to Azure, and every call that it made; filters: operation (prefix*),
                                   principal, status, method, path, effect, plane, from, to, limit
  GET  /_sim/journal/stream        the same as it is written: Server-Sent Events (curl -N), or lines of JSON
  GET  /_sim/profile               durations in force
  POST /_sim/call                  {service, to, from?}: rings phones through the linked hub; event IncomingCall
  POST /_sim/message               {service, to}: a chat push through the linked hub
  POST /_sim/events                {service|source, type, subject, data, id?, time?, count?}: any event
  POST /_sim/sms                   {service, from, to, message}: event SMSReceived
  POST /_sim/chat                  {service, thread, sender, recipient, message}: event ChatMessageReceived
  POST /_sim/sink                  a webhook that takes everything, for an event subscription without an app
  GET  /_sim/deliveries?since=N    every attempt to deliver, totals, what waits
  GET  /_sim/dead-letters          events that nobody took
  GET  /_sim/phones                every phone with what it got, and why pushes vanished
  POST /_sim/phones                {hub, user, platform, handle?, tags?}; DELETE {handle}
  GET, POST, DELETE /_sim/faults   what shall fail; GET ?unfired: what never did; POST of YAML: many at once
  GET  /_sim/faults/keys           every key that a fault may have, and what it takes
  POST /_sim/portal/...            link, unlink, tags, set, delete, regenerateKey: what people do by hand
  POST /_sim/config                names taken, providers unregistered, tokens expired, secrets
  POST /_sim/federation            whose assertions are trusted
  POST /_sim/certificate           a server certificate for a webhook
"#;

/// After `azure-sim operations --help`.
pub(super) const OPERATIONS: &str = "Examples:
  $ azure-sim operations                                # provider, name, method, path
  $ azure-sim operations --output json                  # and every api-version that each takes
";

/// After `azure-sim authority --help`.
pub(super) const AUTHORITY: &str = "Examples, as the chart's init container and its simulator run them:
  $ azure-sim authority --secret acs-system/acs-operator-azure-sim-authority --dir /var/run/azure-sim
  $ azure-sim run --dir /var/run/azure-sim --authority /var/run/azure-sim --listen 0.0.0.0:8443

Needs a kubeconfig or a ServiceAccount that may get and update that one Secret. The Secret must exist; what it
has is never written over. Exit codes: 0 DIR has the authority of the Secret, 1 it has not, 64 mistakes in the options.
";

/// After `azure-sim check --help`.
pub(super) const CHECK: &str = "Examples:
  $ azure-sim check                                     # reads only, and prints what differs
  $ azure-sim check --write --yes --record answers      # whole lives, too; leaves all that it takes to correct us
  $ azure-sim check --against answers                   # the same comparison once more, without Azure
  $ azure-sim check --known known.yaml --update         # what differs now is known from now on
  $ azure-sim check --known known.yaml --output json    # fails for what is new, tells what is gone

Against your subscription: `az login`, then AZURE_SUBSCRIPTION_ID as `az account show --query id -o tsv` says it.
Against a simulator: `. DIR/env`, and the --profile that it was started with.

Every probe is performed on the simulator's model in this process and over the network. Compared are statuses, headers,
names and types in bodies, codes of errors, the ways of long-running operations, and whether they take a moment or
minutes. Whose identity: AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; or AZURE_FEDERATED_TOKEN_FILE; or
whoever is logged in to az or azd. Without --write nothing is sent that could change anything. With it, all is made in
a resource group of its own, which goes at the end, also after Ctrl-C.

Exit codes: 0 no differences but known ones, 1 differences, 2 could not check, 64 mistakes in the options.
";
