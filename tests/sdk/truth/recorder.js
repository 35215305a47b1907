// Stands between clients and the simulator and writes down what each said to the other, one JSON line per exchange:
// what was on the wire, not what the simulator believes. The simulator is told that this is its public URL.
// recorder.js RECORDING AZURE_SIM run --dir DIR [OPTION…]
// Prints the simulator's own line once it listens; stops with it.
import { spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";

const [recording, binary, ...options] = process.argv.slice(2);
const dir = options[options.indexOf("--dir") + 1];
const lines = createWriteStream(recording);

/** Clients' names for the data planes, too: they connect to the same address. */
const NAMES = ["localhost", "127.0.0.1", "*.servicebus.windows.net"];
/** Longer answers are journals and streams of the simulator's own doors, which are not recorded. */
const BODY_LIMIT = 4 * 1024 * 1024;

// Its port has to be known before the simulator is: connections wait until there is a certificate.
const door = net.createServer({ pauseOnConnect: true });
await new Promise((listening) => door.listen(0, "127.0.0.1", listening));
const url = `https://127.0.0.1:${door.address().port}`;

const simulator = spawn(binary, [...options, "--public-url", url], { stdio: ["ignore", "pipe", "inherit"] });
simulator.on("exit", (code, signal) => lines.end(() => process.exit(signal ? 0 : (code ?? 1))));
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => simulator.kill(signal));
const ready = await new Promise((resolve) => createInterface(simulator.stdout).once("line", resolve));
const { address } = JSON.parse(ready);
const [host, port] = address.split(":");
const ca = readFileSync(path.join(dir, "ca.crt"));
const agent = new https.Agent({ ca, keepAlive: true });
const upstream = (settings) => https.request({ host, port, agent, servername: "localhost", ...settings });

function collected(stream) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => resolve(Buffer.concat(chunks)));
    stream.on("error", reject);
  });
}

async function certificate() {
  const body = JSON.stringify({ names: NAMES });
  const answer = await new Promise((resolve, reject) => {
    const headers = { "content-length": Buffer.byteLength(body) };
    upstream({ method: "POST", path: "/_sim/certificate", headers }).on("response", resolve).on("error", reject).end(body);
  });
  return JSON.parse(await collected(answer));
}

function parsed(body) {
  if (body.length === 0 || body.length > BODY_LIMIT) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return body.toString();
  }
}

/** Entra's bodies are secrets and tokens; what ARM was told and told is checked against its specifications. */
function written(request, sent, status, headers, got) {
  if (request.url.startsWith("/_sim/")) return;
  const { authorization: _, ...requestHeaders } = request.headers;
  const arm = /[?&]api-version=/i.test(request.url);
  const bodies = arm ? { sent: parsed(sent), got: parsed(got) } : {};
  const entry = { method: request.method, host: request.headers.host, url: request.url, requestHeaders, status, headers };
  lines.write(`${JSON.stringify({ ...entry, ...bodies })}\n`);
}

async function pass(request, response) {
  const sent = await collected(request);
  const { method, url: path, headers } = request;
  const onward = upstream({ method, path, headers });
  // A connection that the simulator cuts is cut here, too.
  onward.on("error", () => request.socket.destroy());
  onward.on("response", async (answer) => {
    // The simulator's own streams never end: they are passed on as they come.
    if (path.startsWith("/_sim/")) {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      return answer.pipe(response);
    }
    const got = await collected(answer).catch(() => undefined);
    if (got === undefined) return request.socket.destroy();
    written(request, sent, answer.statusCode, answer.headers, got);
    response.writeHead(answer.statusCode, answer.rawHeaders);
    response.end(got);
  });
  onward.end(sent);
}

const issued = await certificate();
const server = https.createServer({ cert: issued.certificate, key: issued.key }, (request, response) => {
  pass(request, response).catch(() => request.socket.destroy());
});
door.on("connection", (socket) => {
  server.emit("connection", socket);
  socket.resume();
});
console.log(ready);
