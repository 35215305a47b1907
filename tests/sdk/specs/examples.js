// Every example at hand, moved into the simulator's subscription and sent as a request. Writes an exchange for each, as the recorder does.
// Those of operations that the simulator does not have are named in beyond.json with a reason: they are sent, too, and have to
// be refused in ARM's words.
// examples.js DESCRIPTIONS RECORDING
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { laidOut } from "./descriptions.js";
import { operationOf, operations } from "./operations.js";
import { Azure } from "./azure.js";

const [source, recording] = process.argv.slice(2);
const directory = mkdtempSync(path.join(os.tmpdir(), "examples-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
const lines = createWriteStream(recording);
const all = operations();
const beyond = JSON.parse(readFileSync(new URL("beyond.json", import.meta.url), "utf8"));
const mistakes = [];
const azure = await Azure.signedIn();

/** Creates first, deletions last: an example stands on what others made as far as it can. */
const ORDER = ["put", "patch", "get", "post", "head", "delete"];

function examplesOf({ spec, directory, provider, version }) {
  const found = [];
  for (const [template, methods] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(methods).filter(([m]) => ORDER.includes(m))) {
      const parameters = [...(methods.parameters ?? []), ...(operation.parameters ?? [])];
      for (const { $ref } of Object.values(operation["x-ms-examples"] ?? {})) {
        const example = JSON.parse(readFileSync(path.join(directory, $ref), "utf8"));
        found.push({ name: path.basename($ref, ".json"), provider, version, template, method, parameters, example, spec,
          operation: operation.operationId });
      }
    }
  }
  return found.sort((a, b) => ORDER.indexOf(a.method) - ORDER.indexOf(b.method) || a.template.length - b.template.length);
}

const resolved = (spec, parameter) =>
  parameter.$ref?.startsWith("#/parameters/") ? spec.parameters[parameter.$ref.split("/").pop()] : parameter;

/** Path, query and body of an example, moved into the simulator's subscription. */
function request({ template, parameters, example, spec, version }) {
  const values = azure.adapted(example.parameters);
  const url = template.replace(/\{(\w+)\}/g, (_, name) => values[name]).replace(/^\/+/, "/");
  const query = new URLSearchParams({ "api-version": version });
  let body;
  for (const parameter of parameters.map((p) => resolved(spec, p))) {
    if (parameter.in === "query" && parameter.name in values) query.set(parameter.name, values[parameter.name]);
    if (parameter.in === "body" && parameter.name in values) body = values[parameter.name];
  }
  return { url, query: query.toString(), body };
}

let sent = 0;
let left = 0;
let missing = 0;
const unknown = new Set(beyond.flatMap(({ provider, operations }) => operations.map((name) => `${provider}/${name}`)));
const awaited = new Set(unknown);

/** An operation that is not simulated: named, and refused as ARM refuses. */
async function refusedAsBeyond({ provider, operation, name }, method, address, body) {
  const id = `${provider}/${operation}`;
  if (!unknown.has(id)) mistakes.push(`${id}: the simulator does not have it, and beyond.json gives no reason`);
  awaited.delete(id);
  const { status, got } = await azure.send(method, address, body);
  const inWords = typeof got?.error?.code === "string" && typeof got.error.message === "string";
  if (status < 400 || status >= 500 || !inWords) mistakes.push(`${id} (${name}): answered ${status} ${JSON.stringify(got)}`);
}

for (const description of laidOut(source, directory)) {
  missing += description.missing.length;
  await azure.cleared();
  for (const example of examplesOf(description)) {
    const method = example.method.toUpperCase();
    const { url, query, body } = request(example);
    if (operationOf(all, { method, url }) === undefined) {
      left += 1;
      await refusedAsBeyond(example, method, `${url}?${query}`, body);
      continue;
    }
    const unprepared = await azure.prepared(method, url);
    const exchange = unprepared ?? (await azure.send(method, `${url}?${query}`, body));
    // An example that is refused differs from the description, unless it shows a refusal.
    const refused = exchange.status >= 400 && !("default" in example.example.responses) && {
      code: "EXAMPLE_REFUSED", at: example.name, message: exchange.got?.error?.code ?? `status ${exchange.status}`,
    };
    lines.write(`${JSON.stringify({ ...exchange, example: example.name, refused: refused || undefined })}\n`);
    await azure.settled(exchange);
    sent += 1;
  }
}
azure.close();
for (const id of awaited) mistakes.push(`${id}: no example is refused; take it out of beyond.json`);
for (const mistake of mistakes) console.error(mistake);
lines.end(() => {
  console.log(`${sent} examples sent; ${left} more are of operations that the simulator does not have, and refused; `
    + `${missing} that the descriptions refer to are not at hand`);
  process.exitCode = mistakes.length === 0 ? 0 : 1;
});
