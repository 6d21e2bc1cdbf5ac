// Small helpers: build elements, announce, show progress and problems, save files.

import { text } from "./texts.js";

export const byId = (id) => document.getElementById(id);

/** Build an element: properties are set, `dataset`, `attributes` and `on` are maps. */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  const { dataset = {}, attributes = {}, on = {}, ...rest } = properties;
  Object.assign(node, rest);
  Object.assign(node.dataset, dataset);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** Build an element of a drawing. */
export function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Build an icon of icons.svg; it is decoration. */
export function icon(name) {
  const use = draw("use", { href: `static/icons.svg#${name}` });
  return draw("svg", { class: "icon", "aria-hidden": "true", viewBox: "0 0 24 24" }, use);
}

/** Say something to screen readers, and show it for a moment. */
export function announce(message) {
  byId("status").textContent = message;
}

let problemTimer = 0;

/** Show a problem until it is closed or ten seconds passed. */
export function showProblem(message) {
  const box = byId("problem");
  byId("problem-text").textContent = message;
  box.hidden = false;
  clearTimeout(problemTimer);
  problemTimer = setTimeout(hideProblem, 10000);
}

export function hideProblem() {
  byId("problem").hidden = true;
  byId("problem-text").textContent = "";
}

const running = new Map();

/** Show progress until the returned function is called. Its `update` changes text and share. */
export function busy(message) {
  const key = Symbol(message);
  const update = (words, share = null) => {
    running.set(key, { words, share });
    showBusy();
  };
  const done = () => {
    running.delete(key);
    showBusy();
  };
  update(message);
  return Object.assign(done, { update });
}

function showBusy() {
  const last = [...running.values()].at(-1);
  const box = byId("busy");
  box.hidden = !last;
  byId("stage").setAttribute("aria-busy", String(Boolean(last)));
  if (!last) return;
  byId("busy-text").textContent = last.words;
  const bar = byId("busy-bar");
  if (last.share === null) bar.removeAttribute("value");
  else bar.value = last.share;
}

/** Save a blob as a file of the user. */
export function saveFile(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  announce(text("download.started", { name }));
}

/** Return the pixels of a blob as a drawable image. */
export async function decodeImage(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
  } catch (error) {
    URL.revokeObjectURL(image.src);
    throw error;
  }
  return image;
}

/** Return a canvas as a blob. */
export const canvasBlob = (canvas, type, quality) =>
  new Promise((resolve) => canvas.toBlob(resolve, type, quality));

/** Open a dialog; Escape and its close buttons close it. */
export function openDialog(dialog, onClose) {
  if (!dialog.open) dialog.showModal();
  dialog.addEventListener("close", () => onClose?.(), { once: true });
}

/** Call a function at most once per frame. */
export function oncePerFrame(action) {
  let queued = false;
  return () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      queued = false;
      action();
    });
  };
}
