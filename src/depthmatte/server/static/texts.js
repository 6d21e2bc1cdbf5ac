// The texts of the page in the reader's language, English where one is missing.

import english from "./texts.en.js";

const LANGUAGES = ["en"];

let translated = {};

/** Load the texts of the first language of the browser that the page has. */
export async function loadTexts() {
  const wanted = [...(navigator.languages ?? [])].map((code) => code.slice(0, 2).toLowerCase());
  const language = wanted.find((code) => LANGUAGES.includes(code)) ?? "en";
  document.documentElement.lang = language;
  if (language !== "en") translated = (await import(`./texts.${language}.js`)).default;
}

/** Return a text with the values set in for the words in braces. */
export function text(key, values = {}) {
  const template = translated[key] ?? english[key] ?? key;
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Return whether there is a text for the key. */
export const hasText = (key) => key in translated || key in english;

/** Return the first text that exists, else the last key as words. */
export function textOf(...keys) {
  const known = keys.find(hasText);
  if (known) return text(known);
  const words = keys.at(-1).split(".").at(-1).replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Fill every element of the document that names its text. */
export function fillTexts(root = document) {
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", text(node.dataset.label));
    if (node.matches("button")) node.title = text(node.dataset.label);
  }
}
