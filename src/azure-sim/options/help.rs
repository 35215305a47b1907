//! What `--help` teaches.

/// For `azure-sim --help`.
pub(super) const ABOUT: &str = "Simulates the parts of Azure that acs-operator talks to";

/// After `azure-sim --help`.
pub(super) const AFTER: &str = RUN;

/// After `azure-sim run --help`.
pub(super) const RUN: &str = "Examples:
  azure-sim run --dir /tmp/azure                      everything is done at once
  azure-sim run --dir /tmp/azure --profile azure      as slow as Azure
  azure-sim run --dir /tmp/azure --profile azure --time-scale 0.02
  azure-sim run --dir /tmp/azure --keep               goes on after a restart, or a kill
  . /tmp/azure/env                                    lets SDKs and the operator find it

DIR gets ca.crt (the authority that signed the server) and env (export lines, with the client secret).
One line of JSON on stdout says where it listens; logs go to stderr (RUST_LOG selects).
What is sent with the header Host NAMESPACE.servicebus.windows.net goes to that namespace's data plane (pushes): connect
to the same address. Everything else is Azure Resource Manager and Entra, but for the simulator's own doors, which speak JSON:
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
  GET  /_sim/deliveries?since=N    every attempt to deliver, totals, what waits
  GET  /_sim/dead-letters          events that nobody took
  GET  /_sim/phones                every phone with what it got, and why pushes vanished
  POST /_sim/phones                {hub, user, platform, handle?, tags?}; DELETE {handle}
  GET, POST, DELETE /_sim/faults   what shall fail; GET ?unfired: what never did; POST of YAML: many at once
  POST /_sim/portal/...            link, unlink, tags, set, delete, regenerateKey: what people do by hand
  POST /_sim/config                names taken, providers unregistered, tokens expired, secrets
  POST /_sim/federation            whose assertions are trusted
  POST /_sim/certificate           a server certificate for a webhook";

/// After `azure-sim authority --help`.
pub(super) const AUTHORITY: &str = "Example, as the chart's init container runs it:
  azure-sim authority --secret acs-system/acs-operator-azure-sim --dir /var/run/azure-sim
  azure-sim run --dir /var/run/azure-sim --authority /var/run/azure-sim --listen 0.0.0.0:8443

Needs a kubeconfig or a ServiceAccount that may get and update that one Secret.";

/// After `azure-sim check --help`.
pub(super) const CHECK: &str = "Examples:
  az login && azure-sim check --subscription $(az account show --query id -o tsv)
  azure-sim check --write                   a throw-away resource group; asks first
  azure-sim check --record answers          what was answered, to be sent to us: without ids, names and keys

Every probe is performed on the simulator's model in this process and over the network; statuses, headers, names and types in
bodies, codes of errors and the ways of long-running operations are compared. Whose identity: AZURE_TENANT_ID, AZURE_CLIENT_ID and
AZURE_CLIENT_SECRET; or AZURE_FEDERATED_TOKEN_FILE; or whoever is logged in to az or azd.
Exit codes: 0 no differences, 1 differences, 2 could not check, 64 mistakes in the options.";
