// Tabs, by mouse and by keys: left and right, Home and End.

import { el, find } from "./dom.js";

const tabs = () => [...document.querySelectorAll('[role="tab"]')];

export function show(name) {
  for (const tab of tabs()) {
    const chosen = tab.getAttribute("aria-controls") === name;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    find(tab.getAttribute("aria-controls")).hidden = !chosen;
    if (chosen) reveal(tab);
  }
}

/** Where the tabs are wider than the page, the chosen one is not left outside. */
function reveal(tab) {
  const bar = tab.parentElement;
  const [left, right] = [tab.offsetLeft - bar.offsetLeft, tab.offsetLeft - bar.offsetLeft + tab.offsetWidth];
  if (left < bar.scrollLeft) bar.scrollLeft = left;
  if (right > bar.scrollLeft + bar.clientWidth) bar.scrollLeft = right - bar.clientWidth;
}

export function shown() {
  return tabs().find((tab) => tab.getAttribute("aria-selected") === "true")?.getAttribute("aria-controls");
}

/** A number beside a tab's name; none for nought. */
export function count(name, number, alarm = false) {
  const tab = find(`tab-${name}`);
  tab.querySelector(".count")?.remove();
  if (number > 0) tab.append(el("span", { class: alarm ? "count alarm" : "count" }, number));
  // What grew may have pushed the chosen one out.
  const chosen = tabs().find((other) => other.getAttribute("aria-selected") === "true");
  if (chosen) reveal(chosen);
}

export function start() {
  for (const tab of tabs()) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const all = tabs();
      const at = all.indexOf(tab);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = all.at(to % all.length);
      choose(next);
      next.focus();
    });
  }
  const named = location.hash.slice(2);
  show(tabs().some((tab) => tab.getAttribute("aria-controls") === named) ? named : "details");
}

function choose(tab) {
  const name = tab.getAttribute("aria-controls");
  // So that a reload and a link show the same tab. With a slash it names no element, which would be given the focus.
  history.replaceState(null, "", `#/${name}`);
  show(name);
}
