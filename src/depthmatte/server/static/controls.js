// Controls made from the JSON schema of options: choices, switches, sliders, numbers, colors.

import { make } from "./dom.js";
import { text, textOf } from "./texts.js";

let count = 0;

/** Build the controls of an object's properties, those of `names` in this order. */
export function buildControls(schema, names, values, scope, change) {
  return names
    .filter((name) => name in schema.properties)
    .map((name) => buildControl(name, schema.properties[name], values[name], scope, (value) => change(name, value)))
    .filter(Boolean);
}

/** Build one control; null for what a page cannot ask for, such as a picture in memory. */
export function buildControl(name, property, value, scope, change) {
  const build = builderOf(property, name);
  if (!build) return null;
  const id = `option-${scope}-${name}-${(count += 1)}`;
  const label = textOf(`option.${scope}.${name}`, `option.${name}`);
  const hint = describe(property, value === undefined ? property.default : value);
  const held = value === undefined ? property.default : value;
  return build({ id, name, label, hint, property, value: held, change });
}

function builderOf(property, name) {
  const { choices, type } = formOf(property);
  if (choices) return buildChoice;
  if (name === "color") return buildColor;
  if (type === "boolean") return buildSwitch;
  if (type === "number" || type === "integer") {
    return "minimum" in formOf(property) && "maximum" in formOf(property) && isNarrow(formOf(property))
      ? buildSlider : buildNumber;
  }
  if (type === "object") return buildGroup;
  return null;
}

/** Return the form of a property that may also be null or have several forms. */
function formOf(property) {
  const forms = property.anyOf ?? [property];
  const form = forms.find((one) => one.type !== "null") ?? property;
  const type = [form.type].flat().find((one) => one !== "null");
  const words = form.enum ?? wordsOf(form.pattern)?.concat(form.examples ?? []);
  return { ...form, type, choices: words?.filter((word) => word !== null) };
}

/** Return the words that a property offers. */
export const choicesOf = (property) => formOf(property).choices ?? [];

/** Return the words of a pattern such as ^(auto|all|...)$ before its other forms. */
function wordsOf(pattern) {
  const inside = /^\^\(((?:\w+\|)+)/.exec(pattern ?? "");
  return inside ? inside[1].split("|").filter(Boolean) : null;
}

const isNarrow = ({ minimum, maximum }) => maximum - minimum <= 100;

function frame({ id, label, hint }, input, ...more) {
  const help = hint ? make("p", { className: "hint", id: `${id}-hint`, textContent: hint }) : null;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return make("div", { className: "control" }, make("label", { htmlFor: id, textContent: label }), ...more, input, help);
}

function buildChoice(one) {
  const { choices } = formOf(one.property);
  const select = make("select", { id: one.id, on: { change: () => one.change(select.value) } });
  const shown = choices.includes(one.value) || one.value === undefined ? [] : [one.value];
  for (const word of [...shown, ...choices]) {
    const isPoint = shown.includes(word);
    const label = isPoint ? text("choice.point") : word;
    select.append(make("option", { value: word, textContent: label, selected: word === one.value }));
  }
  return frame(one, select);
}

function buildSwitch(one) {
  const input = make("input", {
    type: "checkbox", id: one.id, checked: Boolean(one.value), className: "switch",
    on: { change: () => one.change(input.checked) },
  });
  const box = frame(one, input);
  box.classList.add("switch-row");
  return box;
}

function buildSlider(one) {
  const { minimum, maximum, type } = formOf(one.property);
  const step = type === "integer" ? 1 : (maximum - minimum) / 100;
  const shown = make("output", { attributes: { for: one.id } });
  const show = () => {
    const share = minimum === 0 && maximum === 1;
    shown.textContent = share ? `${Math.round(100 * input.value)} %` : String(Number(input.value));
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  const input = make("input", {
    type: "range", id: one.id, min: minimum, max: maximum, step,
    on: { input: () => { show(); one.change(Number(input.value)); } },
  });
  input.value = one.value ?? minimum;
  show();
  return frame(one, input, shown);
}

function buildNumber(one) {
  const { minimum, maximum, type } = formOf(one.property);
  const input = make("input", {
    type: "number", id: one.id, step: type === "integer" ? 1 : "any", inputMode: "decimal",
    placeholder: text("choice.default"),
    on: { change: () => input.checkValidity() && one.change(input.value === "" ? null : Number(input.value)) },
  });
  if (minimum !== undefined) input.min = minimum;
  if (maximum !== undefined) input.max = maximum;
  input.value = one.value ?? "";
  return frame(one, input);
}

function buildColor(one) {
  const isClear = one.value === "transparent";
  const input = make("input", {
    type: "color", id: one.id, value: isClear ? "#ffffff" : toHex(one.value),
    on: { input: () => { clear.checked = false; one.change(input.value); } },
  });
  const mayBeClear = /transparent/.test(one.property.description ?? "");
  const clear = make("input", {
    type: "checkbox", id: `${one.id}-clear`, checked: isClear,
    on: { change: () => one.change(clear.checked ? "transparent" : input.value) },
  });
  const choice = make("span", { className: "choice" }, clear,
    make("label", { htmlFor: clear.id, textContent: text("look.transparent") }));
  return frame({ ...one, hint: "" }, input, mayBeClear ? choice : null);
}

function buildGroup(one) {
  const form = formOf(one.property);
  const held = { ...(one.value ?? {}) };
  const change = (name, value) => {
    if (value === null) delete held[name];
    else held[name] = value;
    one.change(Object.keys(held).length ? { ...held } : null);
  };
  return make("fieldset", { className: "group" }, make("legend", { textContent: one.label }),
    ...buildControls(form, Object.keys(form.properties), held, one.name, change));
}

/** Return a CSS color as #rrggbb. */
function toHex(color) {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = color ?? "#ffffff";
  return context.fillStyle;
}

/** Return what a property does; of its choices only the chosen one is explained. */
function describe(property, value) {
  const parts = (property.description ?? "").split("; ");
  const words = formOf(property).choices ?? [];
  const noteOf = (part) => words.find((word) => part.startsWith(`${word}: `));
  const note = parts.find((part) => noteOf(part) === value);
  return sentence(note ? note.slice(String(value).length + 2) : parts.filter((part) => !noteOf(part)).join("; "));
}

const sentence = (words) => (words ? `${words.charAt(0).toUpperCase()}${words.slice(1)}.` : "");

/** Build a group of radio buttons that look like one bar. */
export function buildSegments(fieldset, name, entries, chosen, change, iconOf = null) {
  const legend = fieldset.querySelector("legend");
  fieldset.replaceChildren(legend, ...entries.map(({ value, label, hint }) => {
    const id = `${name}-${value}`;
    const input = make("input", {
      type: "radio", name, id, value, checked: value === chosen, className: "unseen",
      on: { change: () => change(value) },
    });
    const shown = make("label", { htmlFor: id, title: hint ?? "" }, iconOf?.(value) ?? null, make("span", { textContent: label }));
    return make("span", { className: "segment" }, input, shown);
  }));
}

/** Check the radio button of a value without a change event. */
export function checkSegment(name, value) {
  const input = document.getElementById(`${name}-${value}`);
  if (input) input.checked = true;
}
