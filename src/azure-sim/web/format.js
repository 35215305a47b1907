// How things are said.

const two = (number) => String(number).padStart(2, "0");

/** Time of day, with milliseconds. */
export function clock(ms) {
  const time = new Date(ms);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/** How long until then, or since. */
export function until(ms, now) {
  const seconds = Math.round((ms - now) / 1000);
  if (seconds <= 0) return "now";
  if (seconds < 90) return `in ${seconds} s`;
  if (seconds < 5400) return `in ${Math.round(seconds / 60)} min`;
  return `in ${Math.round(seconds / 3600)} h`;
}

export function duration(ms) {
  if (ms < 0.1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 10_000) return `${Math.round(ms)} ms`;
  return `${Math.round(ms / 1000)} s`;
}

export const leaf = (id) => String(id ?? "").split("/").pop();

/** The last word of a resource type, as people say it. */
export function kind(type) {
  const words = {
    subscriptions: "subscription",
    resourcegroups: "resource group",
    communicationservices: "communication service",
    namespaces: "hub namespace",
    notificationhubs: "notification hub",
    authorizationrules: "access policy",
    systemtopics: "system topic",
    eventsubscriptions: "event subscription",
  };
  const last = leaf(type).toLowerCase();
  return words[last] ?? leaf(type);
}

/** ok, warn or bad, by a provisioning state. */
export function stateTone(state) {
  if (!state) return "";
  if (["Succeeded", "Active"].includes(state)) return "ok";
  return ["Failed", "Canceled"].includes(state) ? "bad" : "warn";
}

export function statusTone(status) {
  if (status === 0 || status >= 500) return "bad";
  return status >= 400 ? "warn" : "ok";
}

export function effectTone(effect) {
  return { create: "ok", update: "info", delete: "bad", action: "violet" }[effect] ?? "";
}

/** What became of an event, as a tone. */
export function outcomeTone(outcome) {
  return { Delivered: "ok", Retry: "warn" }[outcome] ?? "bad";
}

/** A device handle, recognisable and useless. */
export function masked(handle) {
  const text = String(handle ?? "");
  return text.length > 12 ? `${text.slice(0, 4)}…${text.slice(-4)}` : "…";
}

/** Leaves of a JSON value as pairs of path and text. */
export function leaves(value, path = "", found = []) {
  if (found.length >= 300) return found;
  if (value !== null && typeof value === "object" && Object.keys(value).length > 0) {
    for (const [name, child] of Object.entries(value)) leaves(child, path ? `${path}.${name}` : name, found);
  } else {
    found.push([path, typeof value === "string" ? value : JSON.stringify(value)]);
  }
  return found;
}
