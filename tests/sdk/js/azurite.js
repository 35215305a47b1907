// A real storage for blobs: Azurite, in memory, on a free port of loopback.
import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import path from "node:path";

const ACCOUNT = "store";
const VERSION = "2018-11-09";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts one; `url(path)` gives a URL that may do everything there for an hour, `stop()` ends it. */
export async function storage() {
  const port = await freePort();
  const key = randomBytes(64);
  const program = path.join("node_modules", "azurite", "dist", "src", "blob", "main.js");
  const options = ["--blobHost", "127.0.0.1", "--blobPort", `${port}`, "--inMemoryPersistence", "--disableTelemetry"];
  const server = spawn(process.execPath, [program, ...options], {
    env: { ...process.env, AZURITE_ACCOUNTS: `${ACCOUNT}:${key.toString("base64")}` },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  const listening = new Promise((resolve, reject) => {
    server.stdout.on("data", (text) => {
      said += text;
      if (said.includes("successfully listens")) resolve();
    });
    server.on("exit", () => reject(new Error(`azurite ended: ${said}`)));
  });
  await listening;
  const expiry = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, "");
  const [permissions, services, types, protocol] = ["rwdlac", "b", "sco", "https,http"];
  const toSign = [ACCOUNT, permissions, services, types, "", expiry, "", protocol, VERSION, ""].join("\n");
  const sig = createHmac("sha256", key).update(toSign).digest("base64");
  const query = new URLSearchParams({ sv: VERSION, ss: services, srt: types, sp: permissions, se: expiry, spr: protocol, sig });
  return {
    url: (name) => `http://127.0.0.1:${port}/${ACCOUNT}/${name}?${query}`,
    stop: async () => {
      server.removeAllListeners("exit");
      server.kill();
      await once(server, "exit");
    },
  };
}

/** Writes a container, or a block blob. */
export async function put(url, body) {
  const headers = body === undefined ? {} : { "x-ms-blob-type": "BlockBlob" };
  const target = body === undefined ? `${url}&restype=container` : url;
  const answer = await fetch(target, { method: "PUT", headers, body: body ?? "" });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
}
