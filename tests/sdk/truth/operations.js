// The simulator's list of operations, and which of them a request was for.
import { execFileSync } from "node:child_process";

/** As `azure-sim operations` tells them. AZURE_SIM_BIN names the binary. */
export function operations() {
  const text = execFileSync(process.env.AZURE_SIM_BIN, ["operations", "--output", "json"], { encoding: "utf8" });
  return JSON.parse(text).map((operation) => ({
    ...operation,
    id: `${operation.provider}/${operation.name}`,
    pattern: pattern(operation.path),
  }));
}

/** ARM reads paths without regard to case. A scope is several segments. */
function pattern(path) {
  const segments = path.split("/").map((segment) => {
    if (segment === "{scope}") return ".+";
    if (segment.startsWith("{")) return "[^/]+";
    return segment.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${segments.join("/")}/?$`, "i");
}

const DATA_PLANE = "servicebus.windows.net";

/** The operation of an exchange; of several that fit, the one with the fewest placeholders. */
export function operationOf(all, { method, host, url }) {
  const path = url.split("?")[0];
  const dataPlane = host?.split(":")[0].endsWith(`.${DATA_PLANE}`) ?? false;
  const fits = all.filter((o) => o.method === method && (o.provider === DATA_PLANE) === dataPlane && o.pattern.test(path));
  const open = (operation) => operation.path.match(/\{/g)?.length ?? 0;
  // An extension's scope swallows what is a resource of its own elsewhere: the longer template knows better.
  return fits.sort((a, b) => scoped(a) - scoped(b) || open(a) - open(b))[0];
}

const scoped = (operation) => Number(operation.path.startsWith("/{scope}"));

export function apiVersion(url) {
  return new URLSearchParams(url.split("?")[1] ?? "").get("api-version") ?? undefined;
}

/** The exchanges of a recording, in the order of their answers. */
export function exchanges(text) {
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}
