// One resource: what a GET shows of it. Keys are never part of that.

import { el, facts, fill, find, pill } from "./dom.js";
import { kind, leaf, leaves, stateTone } from "./format.js";
import { get } from "./source.js";
import * as tabs from "./tabs.js";

let current = null;
let goTo = () => false;

const LINKS = { notificationHub: "linked hub", source: "source", topic: "topic", endpoint: "delivers to" };

export function start(onGo) {
  goTo = onGo;
  draw();
}

export function show(node) {
  current = node;
  tabs.show("details");
  return refresh();
}

/** Reads the chosen resource again, when it is among those that there are. */
export async function refresh(known) {
  if (!current) return draw();
  const asked = current;
  if (known && !known.some(({ node }) => node.id.toLowerCase() === asked.id.toLowerCase())) return draw("gone", asked);
  const state = await get(`state?under=${encodeURIComponent(asked.id)}`).catch(() => null);
  // Another one was chosen meanwhile.
  if (asked !== current) return undefined;
  const raw = state?.resources[asked.id.toLowerCase()];
  const node = state?.nested.find((found) => found.id.toLowerCase() === asked.id.toLowerCase());
  return draw(state === null ? "gone" : "there", node ?? asked, raw);
}

function draw(presence, node, raw) {
  const pane = find("details");
  if (!node) {
    return fill(pane, el("p", { class: "empty" }, "Choose a resource on the left: its properties and links are shown here. Things to click are under ", el("b", {}, "Try it"), "."));
  }
  if (presence === "gone") {
    return fill(pane, el("p", { class: "empty" }, el("b", {}, node.name), " is gone from Azure. The journal says who deleted it."));
  }
  return fill(pane,
    el("div", { class: "title" }, el("strong", {}, node.name), el("span", { class: "muted" }, kind(node.type)), node.state && pill(node.state, stateTone(node.state))),
    el("p", { class: "mono muted" }, node.id),
    links(node),
    tags(raw?.tags),
    raw && properties(raw),
    node.children.length > 0 && [
      el("h3", {}, "Beneath it"),
      el("div", { class: "chips" }, node.children.map((child) => jump(child.id, `${child.name} (${kind(child.type)})`))),
    ]);
}

/** A button that selects another resource; plain text when that is none of ours. */
function jump(id, text = leaf(id)) {
  return el("button", { type: "button", class: "link", title: id, onclick: () => goTo(id) }, text);
}

function links({ links: found = {} }) {
  const pairs = Object.entries(LINKS).filter(([name]) => found[name]);
  if (pairs.length === 0) return null;
  const value = (name) => (found[name].startsWith("/") ? jump(found[name]) : el("span", { class: "mono" }, found[name]));
  const kindOf = (name) => (name === "endpoint" && found.endpointType ? ` (${found.endpointType})` : "");
  return [el("h3", {}, "Links"), facts(pairs.map(([name, word]) => [word + kindOf(name), value(name)]))];
}

function tags(given) {
  const pairs = Object.entries(given ?? {});
  if (pairs.length === 0) return null;
  return [el("h3", {}, "Tags"), el("div", { class: "chips" }, pairs.map(([name, value]) => el("span", { class: "chip" }, `${name}: ${value}`)))];
}

function properties(raw) {
  const { id, name, type, tags: _, ...rest } = raw;
  const pairs = leaves(rest).map(([path, text]) => [path.replace(/^properties\./, ""), el("span", { class: "mono" }, text)]);
  return [el("h3", {}, "Properties"), facts(pairs)];
}
