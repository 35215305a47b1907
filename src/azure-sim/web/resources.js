// The tree of resources. Keys as in any tree: up and down, right opens, left closes or goes to the parent, Home and End.

import { el, fill, find } from "./dom.js";
import { kind, stateTone } from "./format.js";

/** Rows drawn at most: more than anyone reads, and few enough to draw at every change. */
const MOST = 1000;

let roots = [];
let closed = new Set();
let selected = null;
let focused = null;
let chosen = () => {};

export function start(onChoose) {
  chosen = onChoose;
  find("tree-filter").addEventListener("input", draw);
  find("tree").addEventListener("keydown", keys);
}

/** Takes the newest tree; returns every resource as a flat list, parents first. */
export function update(nested) {
  roots = nested;
  draw();
  return flat(roots);
}

/** Opens the way to a resource and selects it. */
export function select(id) {
  const wanted = id.toLowerCase();
  for (const { node, parents } of flat(roots)) {
    if (node.id.toLowerCase() !== wanted) continue;
    for (const parent of parents) closed.delete(parent.id);
    find("tree-filter").value = "";
    choose(node);
    find("tree").querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
    return true;
  }
  return false;
}

function flat(nodes, parents = [], found = []) {
  for (const node of nodes) {
    found.push({ node, parents });
    flat(node.children, [...parents, node], found);
  }
  return found;
}

/** What is to be seen: all that is not inside something closed; or what a search finds, with what it lies in. */
function visible() {
  const words = find("tree-filter").value.trim().toLowerCase();
  const all = flat(roots);
  if (!words) return all.filter(({ parents }) => !parents.some((parent) => closed.has(parent.id)));
  const hits = all.filter(({ node }) => `${node.name} ${kind(node.type)}`.toLowerCase().includes(words));
  const wanted = new Set(hits.flatMap(({ node, parents }) => [node, ...parents]));
  return all.filter(({ node }) => wanted.has(node));
}

function draw() {
  const tree = find("tree");
  const hadFocus = tree.contains(document.activeElement);
  const rows = visible();
  if (!rows.some(({ node }) => node.id === focused)) focused = rows.at(0)?.node.id ?? null;
  const left = rows.length - MOST;
  fill(tree,
    rows.slice(0, MOST).map(row),
    left > 0 && el("p", { class: "empty" }, `${left} more: find them by name.`),
    rows.length === 0 && el("p", { class: "empty" }, "Nothing has such a name."),
    empty() && el("p", { class: "empty" }, "Nothing was made yet. Apply some YAML with the operator, or send a PUT with an SDK: what appears in Azure appears here."));
  if (hadFocus) tree.querySelector('[tabindex="0"]')?.focus();
}

/** Whether there are only subscriptions and groups. */
const empty = () => flat(roots).every(({ parents }) => parents.length < 2);

function row({ node, parents }) {
  const level = parents.length + 1;
  const opens = node.children.length > 0;
  return el("div", {
    role: "treeitem",
    class: `node l${Math.min(level, 6)}`,
    "aria-level": level,
    "aria-expanded": opens ? String(!closed.has(node.id)) : null,
    "aria-selected": String(node.id === selected),
    tabindex: node.id === focused ? 0 : -1,
    title: node.state ? `${node.name}: ${node.state}` : node.name,
    onclick: (event) => (event.target.classList.contains("twist") && opens ? toggle(node) : choose(node)),
    ondblclick: () => opens && toggle(node),
  },
  el("span", { class: "twist", "aria-hidden": "true" }, opens ? "▶" : ""),
  el("span", { class: `dot ${stateTone(node.state)}` }),
  el("span", { class: "name" }, node.name),
  el("span", { class: "kind" }, kind(node.type)));
}

function toggle(node) {
  if (!closed.delete(node.id)) closed.add(node.id);
  focused = node.id;
  draw();
}

function choose(node) {
  selected = node.id;
  focused = node.id;
  draw();
  chosen(node);
}

function keys(event) {
  const rows = visible();
  const at = rows.findIndex(({ node }) => node.id === focused);
  if (at < 0) return;
  const { node, parents } = rows[at];
  const opens = node.children.length > 0;
  const open = opens && !closed.has(node.id);
  const move = (to) => {
    focused = to?.node.id ?? focused;
    draw();
  };
  const acts = {
    ArrowDown: () => move(rows[at + 1]),
    ArrowUp: () => move(rows[at - 1]),
    Home: () => move(rows[0]),
    End: () => move(rows.at(-1)),
    ArrowRight: () => (opens && !open ? toggle(node) : open && move(rows[at + 1])),
    ArrowLeft: () => (open ? toggle(node) : parents.length > 0 && move({ node: parents.at(-1) })),
    Enter: () => choose(node),
    " ": () => choose(node),
  };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}
