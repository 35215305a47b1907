// The real simulator as a process, and its clients: ARM with a token, the doors without.

import { spawn } from "node:child_process";
import { X509Certificate, createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const ACS = "2025-05-01";
export const NH = "2023-10-01-preview";
export const EG = "2025-02-15";

/** One request over TLS; the answer with its body as text, and as JSON where it is some. */
export function ask(url, { method = "GET", headers = {}, body, ca }) {
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method, headers, ca, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk) => (text += chunk));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text, json: parsed(text) }));
      answer.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export class Simulator {
  static async start(...more) {
    const own = new Simulator();
    own.dir = await mkdtemp(join(tmpdir(), "azure-sim-page-"));
    own.process = spawn(process.env.AZURE_SIM_BIN, ["run", "--dir", own.dir, ...more], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, RUST_LOG: "warn" } });
    const lines = createInterface({ input: own.process.stdout });
    const [line] = await Promise.race([
      once(lines, "line"),
      once(own.process, "exit").then(([code]) => Promise.reject(new Error(`the simulator ended with ${code}`))),
    ]);
    const ready = JSON.parse(line);
    own.url = ready.listening;
    own.ca = await readFile(join(own.dir, "ca.crt"));
    own.environment = Object.fromEntries((await readFile(join(own.dir, "env"), "utf8")).split("\n")
      .map((entry) => /^export (\w+)=(.*)$/.exec(entry)).filter(Boolean).map(([, name, value]) => [name, value]));
    own.group = `/subscriptions/${ready.subscriptionId}/resourceGroups/rg-shop`;
    await own.signIn(ready.tenantId);
    return own;
  }

  /** What makes a browser trust this simulator alone: the hash of its authority's public key. */
  get spki() {
    const key = new X509Certificate(this.ca).publicKey.export({ type: "spki", format: "der" });
    return createHash("sha256").update(key).digest("base64");
  }

  async signIn(tenant) {
    const form = new URLSearchParams({
      grant_type: "client_credentials", scope: `${this.url}/.default`,
      client_id: this.environment.AZURE_CLIENT_ID, client_secret: this.environment.AZURE_CLIENT_SECRET,
    });
    const answer = await ask(`${this.url}/${tenant}/oauth2/v2.0/token`, {
      method: "POST", ca: this.ca, body: form.toString(), headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    this.token = answer.json.access_token;
  }

  /** A request to ARM; the JSON of a success. */
  async arm(method, id, version, body) {
    const answer = await this.request(method, `${id}?api-version=${version}`, body);
    if (answer.status >= 400) throw new Error(`${method} ${id}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  request(method, path, body) {
    const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
    return ask(`${this.url}${path}`, { method, headers, ca: this.ca, body: body && JSON.stringify(body) });
  }

  async door(method, path, body) {
    const answer = await ask(`${this.url}/_sim/${path}`, { method, ca: this.ca, body: body && JSON.stringify(body) });
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  /** Waits until a GET of this id shows that state. */
  async settled(id, version, state = "Succeeded") {
    for (;;) {
      const { properties } = await this.arm("GET", id, version);
      if (properties.provisioningState === state) return;
      if (properties.provisioningState === "Failed") throw new Error(`${id} failed`);
    }
  }

  async stop() {
    if (this.process.exitCode === null) {
      const gone = once(this.process, "exit");
      this.process.kill("SIGTERM");
      const [code, signal] = await gone;
      if (code !== 0) throw new Error(`the simulator ended with ${code ?? signal}`);
    }
    await rm(this.dir, { recursive: true, force: true });
  }
}
