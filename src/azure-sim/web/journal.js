// The journal, newest first, as it is written.

import { el, facts, fill, find, pill } from "./dom.js";
import { clock, duration, effectTone, statusTone } from "./format.js";

/** Entries kept here, and rows drawn: the door has the rest. */
const KEPT = 2000;
const DRAWN = 300;
const PLANES = { arm: "ARM", entra: "Entra", hubs: "Hubs", outward: "out" };

/** Newest first. */
let entries = [];
let paused = false;
let waiting = 0;
let lost = 0;

export function start() {
  for (const id of ["journal-text", "journal-plane", "journal-status", "journal-changes"]) {
    find(id).addEventListener("input", draw);
  }
  find("journal-pause").addEventListener("click", () => {
    paused = !paused;
    waiting = 0;
    label();
    if (!paused) draw();
  });
}

export function load(page) {
  entries = page.toReversed();
  draw();
}

export function add(entry) {
  entries.unshift(entry);
  entries.length = Math.min(entries.length, KEPT);
  if (paused) {
    waiting += 1;
    return label();
  }
  if (!wanted()(entry)) return undefined;
  const rows = find("journal-rows");
  if (!rows.querySelector(".row")) return draw();
  const reading = rows.scrollTop > 0;
  const height = rows.scrollHeight;
  rows.prepend(row(entry, true));
  while (rows.childElementCount > DRAWN) rows.lastElementChild.remove();
  // Whoever scrolled down reads: what comes above must not move it.
  if (reading) rows.scrollTop += rows.scrollHeight - height;
  return undefined;
}

/** The page was too slow, or away for too long. */
export function missed(number) {
  lost += number;
  draw();
}

function label() {
  const button = find("journal-pause");
  button.setAttribute("aria-pressed", paused);
  button.textContent = paused ? `Resume (${waiting} new)` : "Pause";
}

/** The filter as it stands in the form. */
function wanted() {
  const words = find("journal-text").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const plane = find("journal-plane").value;
  const outcome = find("journal-status").value;
  const changes = find("journal-changes").checked;
  const failed = (entry) => entry.status === 0 || entry.status >= 400;
  return (entry) => {
    if (plane && entry.plane !== plane) return false;
    if (outcome === "ok" && failed(entry)) return false;
    if (outcome === "bad" && !failed(entry)) return false;
    if (outcome === "fault" && entry.fault === undefined) return false;
    if (changes && !["create", "update", "delete"].includes(entry.effect)) return false;
    const text = `${entry.method} ${entry.operation} ${entry.path} ${entry.principal} ${entry.status} ${entry.code ?? ""} ${entry.correlationId}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
}

function draw() {
  if (paused) return;
  const matching = entries.filter(wanted());
  fill(find("journal-rows"),
    lost > 0 && el("p", { class: "empty" }, `${lost} requests came faster than they could be shown and are left out.`),
    matching.slice(0, DRAWN).map((entry) => row(entry, false)),
    matching.length === 0 && el("p", { class: "empty" }, hint()));
}

function hint() {
  if (entries.length > 0) return "No request meets the filter.";
  return ["Nobody has asked anything yet. Point a client here: ",
    el("code", {}, `AZURE_RESOURCE_MANAGER_ENDPOINT=${location.origin}`),
    ". The simulator's file env has all the variables."];
}

function row(entry, fresh) {
  const status = entry.status === 0 ? "none" : entry.status;
  return el("details", { class: fresh ? "row new" : "row", ontoggle: unfold, "data-sequence": entry.sequence },
    el("summary", { class: "mono" },
      el("span", { class: "time" }, clock(entry.time)),
      el("span", { class: "muted plane" }, PLANES[entry.plane] ?? entry.plane),
      el("span", { class: "method" }, entry.method),
      el("span", { class: "status" }, pill(status, statusTone(entry.status))),
      el("span", { class: "effect" }, entry.fault !== undefined ? pill(`fault ${entry.fault}`, "bad") : entry.effect !== "none" && pill(entry.effect, effectTone(entry.effect))),
      el("span", { class: "cut operation" }, short(entry.operation)),
      el("span", { class: "cut path", title: entry.path }, entry.code ? `${entry.code} · ${place(entry.path)}` : place(entry.path)),
      el("span", { class: "took" }, duration(entry.durationMs))));

  // What is folded away is made when it is looked at: hundreds of rows stay light.
  function unfold(event) {
    if (!event.target.open || event.target.childElementCount > 1) return;
    event.target.append(facts([
      ["number", entry.sequence], ["time", new Date(entry.time).toISOString()], ["operation", entry.operation],
      ["path", entry.path], ["principal", entry.principal || (entry.outOfBand ? "somebody else, out of band" : "not accepted")], ["code", entry.code],
      ["for", entry.resource], ["correlation id", entry.correlationId], ["effect", entry.effect],
      ["fault", entry.fault],
    ]));
  }
}

/** Group and what lies in it: the rest of a path is the same in every row. */
const place = (path) => path
  .replace(/^\/subscriptions\/[^/]+\/resource[gG]roups\//, "")
  .replace(/\/providers\/[^/]+/g, "");

/** Without the provider's company. */
const short = (operation) => operation.replace(/^Microsoft\./, "");
