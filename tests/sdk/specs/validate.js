// Every answer of recorded exchanges, held against the description of its provider and version by oav.
// validate.js DESCRIPTIONS RECORDING…      (DESCRIPTIONS as in descriptions.js)
// What differs must stand in differences.json with a reason; what stands there and differs no more fails, too.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { laidOut } from "./descriptions.js";
import { compared, file, lines } from "./generated.js";
import { apiVersion, exchanges, operationOf, operations } from "./operations.js";

const { LiveValidator } = createRequire(import.meta.url)("oav/dist/lib/liveValidation/liveValidator.js");

const [source, ...recordings] = process.argv.slice(2);
const all = operations();
const differences = JSON.parse(readFileSync(file("differences.json"), "utf8")).map((d) => ({ ...d, seen: 0 }));
const directory = mkdtempSync(path.join(os.tmpdir(), "descriptions-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
const described = new Set(laidOut(source, directory).map(({ provider, version }) => `${provider} ${version}`));

const complaints = [];
const validator = new LiveValidator(
  {
    directory,
    swaggerPathsPattern: ["specification/*/resource-manager/**/spec.json"],
    excludedSwaggerPathsPattern: [],
    loadValidatorInBackground: false,
    isArmCall: true,
  },
  (message, level) => {
    if (level === "error") complaints.push(message);
  },
);
await validator.initialize();
if (complaints.length > 0) throw new Error(`the descriptions cannot be read:\n${complaints.join("\n")}`);

/** Names of list items and of maps' keys are nobody's property. */
const place = (pointer) => pointer.replace(/\/\d+(?=\/|$)/g, "/*");

/** What oav says against an answer, as {code, at, message}. */
async function findings(exchange) {
  const { method, url, status, headers, sent, got, requestHeaders } = exchange;
  const liveRequest = { method, url: `https://management.azure.com${url}`, headers: requestHeaders ?? {}, body: sent ?? undefined };
  const liveResponse = { statusCode: String(status), headers, body: got };
  const result = await validator.validateLiveRequestResponse({ liveRequest, liveResponse });
  const { responseValidationResult: answer, requestValidationResult: request } = result;
  const lost = result.runtimeException ?? request.runtimeException ?? answer.runtimeException;
  if (lost) {
    // Status URLs and the like are in no description.
    if (lost.code.startsWith("OPERATION_NOT_FOUND")) return undefined;
    throw new Error(`${method} ${url}: ${lost.code} ${lost.message}`);
  }
  return answer.errors.flatMap(({ code, message, pathsInPayload }) =>
    (pathsInPayload.length > 0 ? pathsInPayload : [""]).map((at) => ({ code, message, at: place(at) })),
  );
}

const among = (list, value) => list === undefined || list.includes(value);

function excused(operation, version, status, finding) {
  const fits = differences.filter(
    (d) =>
      d.code === finding.code &&
      among(d.provider, operation.provider) &&
      among(d.operations, operation.name) &&
      among(d.versions, version) &&
      among(d.statuses, status) &&
      (d.at === undefined || d.at.includes(finding.at)),
  );
  for (const difference of fits) difference.seen += 1;
  return fits.map(({ name }) => name);
}

const checked = {};
const wrong = new Map();
let answers = 0;
for (const recording of recordings) {
  for (const exchange of exchanges(readFileSync(recording, "utf8"))) {
    const operation = operationOf(all, exchange);
    const version = apiVersion(exchange.url);
    if (operation === undefined || !described.has(`${operation.provider} ${version}`)) continue;
    const found = await findings(exchange);
    if (found === undefined) continue;
    answers += 1;
    const entry = ((checked[operation.id] ??= {})[version] ??= { examples: new Set(), differences: new Set() });
    if (exchange.example) entry.examples.add(exchange.example);
    for (const finding of [...found, ...(exchange.refused ? [exchange.refused] : [])]) {
      const names = excused(operation, version, exchange.status, finding);
      for (const name of names) entry.differences.add(name);
      if (names.length > 0) continue;
      const key = `${operation.name} ${version} ${exchange.status}: ${finding.code} at ${finding.at || "/"}: ${finding.message}`;
      const of = exchange.example ? `example ${exchange.example}` : path.basename(recording);
      wrong.set(key, (wrong.get(key) ?? new Set()).add(of));
    }
  }
}

for (const [key, where] of [...wrong].sort()) console.error(`${key} (${[...where].slice(0, 3).join(", ")})`);
const idle = differences.filter((d) => d.seen === 0);
for (const { seen: _, ...difference } of idle) console.error(`nobody differs so any more: ${JSON.stringify(difference)}`);

const sorted = (object, value) => Object.fromEntries(Object.keys(object).sort().map((k) => [k, value(object[k])]));
const evidence = sorted(checked, (versions) =>
  sorted(versions, ({ examples, differences }) => ({ examples: examples.size, differences: [...differences].sort() })),
);
const kept = compared(file("evidence/specs.json"), `${lines(evidence)}\n`);
const failed = wrong.size + idle.length + (kept ? 0 : 1);
console.log(`${answers} answers held against ${described.size} descriptions, ${differences.length} known differences`);
console.log(`${Object.keys(evidence).length} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
