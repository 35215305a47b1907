// The form that places a fault. What it offers is what the simulator says that a fault may have: /_sim/faults/keys.

import { el } from "./dom.js";
import { form } from "./form.js";

/** To begin with: something that is soon seen. */
const FIRST = { operation: "Microsoft.Communication/*", times: "1", "answer/status": "503" };

/** @param place takes the fault and returns what to say */
export function faultForm(keys, place) {
  // `answer` itself is no field: it holds those that say what happens.
  const offered = keys.filter(({ at }) => at !== "answer");
  const fields = offered.map((key) => [key, field(key, offered)]);
  const of = (wanted) => fields.filter(([{ at }]) => part(at, offered) === wanted);
  const parts = [...new Set(offered.map(({ at }) => part(at, offered)))];
  const card = form({
    title: "Place a fault",
    broad: true,
    says: "It strikes requests that meet every condition given; of several, the first one that is due.",
    button: "Place",
    fields: parts.map((name) => section(name, of(name), keys)),
    run: (values) => place(fault(offered, values)),
  });
  const plane = card.elements.namedItem("plane");
  plane.addEventListener("change", () => {
    for (const [{ planes }, label] of fields) {
      label.hidden = plane.value !== "" && !planes.includes(plane.value);
      // What is disabled is not sent.
      label.querySelector("input, select").disabled = label.hidden;
    }
  });
  return card;
}

/** Which section a key stands in: a condition, an effect, or an effect that has keys beneath it. */
function part(at, keys) {
  const [first, second] = at.split("/");
  if (first !== "answer") return "";
  const own = `answer/${second}`;
  return keys.some((key) => key.at.startsWith(`${own}/`)) ? own : "answer";
}

function section(name, fields, keys) {
  const grid = el("div", { class: "keys" }, fields.map(([, label]) => label));
  if (name === "") return el("fieldset", {}, el("legend", {}, "Which requests"), grid);
  if (name === "answer") return el("fieldset", {}, el("legend", {}, "What happens"), grid);
  // `after` says nothing itself: it is what lies beneath it.
  const says = keys.find(({ at }) => at === name)?.says ?? [...new Set(fields.map(([{ at }]) => at.slice(name.length + 1).split("/")[0]))].join(", ");
  return el("details", {}, el("summary", {}, el("code", {}, name.split("/").pop()), ` ${says}`), grid);
}

function field({ at, takes, says }, keys) {
  const above = part(at, keys);
  const short = at === above ? at.split("/").pop() : at.slice(above.length).replace(/^\//, "").replaceAll("/", " ");
  const entry = control(at, takes);
  const about = `says-${at}`;
  entry.setAttribute("aria-label", short);
  entry.setAttribute("aria-describedby", about);
  return el("label", {}, el("code", {}, short), entry, el("small", { id: about }, says));
}

function control(name, takes) {
  const value = FIRST[name];
  const text = { name, value, autocomplete: "off", spellcheck: "false" };
  if (takes === "flag" || takes === "object") return el("input", { name, type: "checkbox" });
  if (takes === "fraction") return el("input", { ...text, type: "number", min: 0, max: 1, step: "any" });
  if (takes === "json") return el("input", { ...text, placeholder: '"a text", 1, null …' });
  if (takes.word) return el("select", { name }, ["", ...takes.word].map((word) => el("option", { value: word }, word)));
  if (takes.number) return el("input", { ...text, type: "number", min: takes.number[0], max: takes.number[1] });
  return el("input", { ...text, maxlength: takes.text });
}

/** The form's texts as a fault; what is empty is left out. */
function fault(keys, values) {
  const made = { answer: {} };
  for (const { at, takes } of keys) {
    const given = values[at];
    if (given !== undefined && given !== "") put(made, at, converted(at, takes, given));
  }
  return made;
}

function converted(at, takes, given) {
  if (takes === "flag") return true;
  if (takes === "object") return {};
  if (takes === "fraction" || takes.number) return Number(given);
  if (takes !== "json") return given;
  try {
    return JSON.parse(given);
  } catch {
    throw new Error(`${at} is JSON: a text stands in quotes`);
  }
}

function put(made, at, value) {
  const names = at.split("/");
  const last = names.pop();
  let here = made;
  for (const name of names) {
    here[name] ??= {};
    here = here[name];
    if (typeof here !== "object") throw new Error(`${at} and ${names.join("/")} exclude each other: "${here}" is chosen there`);
  }
  here[last] = value;
}
