// Elements from plain values. Whatever comes from Azure's side is put in as text, never as markup.

/** An element: attributes by name, `on…` as listeners, then children; texts become text nodes, null and false nothing. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces what is in an element, keeping how far it was scrolled. */
export function fill(element, ...children) {
  const { scrollTop, scrollLeft } = element;
  element.replaceChildren();
  append(element, children);
  element.scrollTop = scrollTop;
  element.scrollLeft = scrollLeft;
}

export const find = (id) => document.getElementById(id);

export const pill = (text, tone = "") => el("span", { class: `pill ${tone}` }, text);

/** Names and values; what is null is left out. */
export function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return el("dl", { class: "facts" }, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

/** A table; each cell is a value, or `{class, value}`. */
export function table(heads, rows) {
  // A narrow page has no room for heads: there each cell is shown behind the name of its column.
  const cell = (given, at) => {
    const own = given !== null && typeof given === "object" && !(given instanceof Node) && !Array.isArray(given);
    return el("td", { class: own ? given.class : null, "data-of": heads[at] }, own ? given.value : given);
  };
  return el("div", { class: "wide" },
    el("table", {},
      el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell))))));
}
