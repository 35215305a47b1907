// Small forms: fields, a button, and a line that says what came of it.

import { el } from "./dom.js";

/**
 * @param run takes the values by name and returns what to say, or `[tone, text]`; what it throws is said as a mistake
 */
export function form({ title, says, fields, button, run, broad = false }) {
  const result = el("output", { role: "status" });
  const card = el("form", { class: broad ? "card broad" : "card", "aria-label": title, onsubmit: submit },
    el("h3", {}, title), says && el("p", {}, says), fields, el("button", { class: "main" }, button), result);
  const say = (tone, words) => {
    result.className = tone;
    result.textContent = words;
  };

  async function submit(event) {
    event.preventDefault();
    const pressed = card.querySelector("button.main");
    pressed.disabled = true;
    try {
      const said = await run(Object.fromEntries(new FormData(card)));
      say(...(Array.isArray(said) ? said : ["ok", said]));
    } catch (error) {
      say("bad", error.message);
    }
    pressed.disabled = false;
  }

  return card;
}

export const text = (name, label, value = "", required = true, more = {}) =>
  el("label", {}, label, el("input", { name, value, required, autocomplete: "off", spellcheck: "false", ...more }));

export const area = (name, label, value) =>
  el("label", {}, label, el("textarea", { name, spellcheck: "false" }, value));

export const select = (name, label, options) => {
  const field = el("select", { name });
  choices(field, options);
  return el("label", {}, label, field);
};

export const pair = (...fields) => el("div", { class: "pair" }, fields);

/** Replaces the options of a select, keeping what was chosen. With none, `hint` is what stands there. */
export function choices(field, options, hint = "") {
  const chosen = field.value;
  const known = options.map(([value]) => value).join("\n");
  if (field.dataset.known === known && field.options.length > 0) return;
  field.dataset.known = known;
  const shown = options.length > 0 ? options : [["", hint]];
  field.replaceChildren(...shown.map(([value, words]) => el("option", { value }, words)));
  field.disabled = options.length === 0;
  if (options.some(([value]) => value === chosen)) field.value = chosen;
}
