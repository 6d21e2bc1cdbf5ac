// The server's HTTP routes. No other module knows their addresses.

import { text } from "./texts.js";

const ROOT = "/v1";
const RETRIES = 4;
const LONGEST_WAIT_S = 15;
const KEY_SLOT = "depthmatte-api-key";

/** What the server answered, with a sentence for the user. */
export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const hooks = { askKey: async () => null, waiting: () => {} };

/** Set what asks the user for the API key and what tells that the server is busy. */
export const setHooks = (given) => Object.assign(hooks, given);

let apiKey = sessionStorage.getItem(KEY_SLOT);

/** Send a request; ask for the key where one is needed, and wait where the server is busy. */
async function send(path, { method = "GET", body, headers = {}, signal, onSent } = {}) {
  for (let attempt = 0; ; attempt += 1) {
    const key = apiKey ? { "X-API-Key": apiKey } : {};
    const answer = await once(path, { method, body, headers: { ...headers, ...key }, signal, onSent });
    if (answer.ok) return answer;
    if (answer.status === 401 && (await askKey())) continue;
    if (answer.status !== 429 || attempt >= RETRIES) throw await problem(answer);
    const asked = Number(answer.headers.get("Retry-After")) || 1;
    const seconds = Math.min(LONGEST_WAIT_S, Math.max(1, asked));
    hooks.waiting(seconds);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

async function once(path, { onSent, ...request }) {
  try {
    return onSent ? await upload(path, request, onSent) : await fetch(path, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(0, text("problem.offline"));
  }
}

/** Send with XMLHttpRequest, which tells how much of the body was sent. */
function upload(path, { method, body, headers, signal }, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    request.responseType = "blob";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    request.upload.onload = () => onSent(1);
    request.onerror = () => reject(new TypeError("network"));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onload = () => {
      const known = ["Content-Type", "Retry-After", "X-Portrait-Id"];
      const held = known.map((name) => [name, request.getResponseHeader(name)]);
      resolve(new Response(request.response, {
        status: request.status, headers: held.filter(([, value]) => value !== null),
      }));
    };
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

async function askKey() {
  const given = await hooks.askKey();
  if (!given) return false;
  apiKey = given;
  sessionStorage.setItem(KEY_SLOT, given);
  return true;
}

async function problem(answer) {
  let reason = answer.statusText || String(answer.status);
  try {
    const told = await answer.json();
    if (typeof told.error === "string") reason = told.error;
  } catch {
    // The status says it.
  }
  return new ServerError(answer.status, reason);
}

/** Write an effect as the command line does: blur:strength=0.5. */
export function effectText(name, values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== "");
  return given.length ? `${name}:${given.map(([key, value]) => `${key}=${value}`).join(",")}` : name;
}

/** Return options, effects, views and fusions of the server. */
export const loadSchema = async () => (await send(`${ROOT}/schema`)).json();

/** Cut a photo and return what was found. `extras` holds the files depth, calib, right and strokes. */
export async function cutPhoto(photo, extras, options, onSent) {
  const form = new FormData();
  form.append("photo", photo, photo.name || "photo");
  for (const [name, file] of Object.entries(extras)) if (file) form.append(name, file, file.name);
  form.append("options", JSON.stringify(options));
  const headers = { Accept: "application/json" };
  return (await send(`${ROOT}/portraits`, { method: "POST", body: form, headers, onSent })).json();
}

/** Cut the kept photo again with other options. */
export async function cutAgain(id, options) {
  const headers = { "Content-Type": "application/json" };
  const request = { method: "POST", body: JSON.stringify(options), headers };
  return (await send(`${ROOT}/portraits/${id}/options`, request)).json();
}

/** Describe a kept portrait; `crop` asks where that frame lies. */
export const describe = async (id, crop) =>
  (await send(`${ROOT}/portraits/${id}?${new URLSearchParams({ crop })}`)).json();

/** Return a view of a kept portrait as a blob. `query` may hold width, format, effect and crop. */
export async function loadView(id, view, query = {}, signal = undefined) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const asked = given.length ? `?${new URLSearchParams(given)}` : "";
  return (await send(`${ROOT}/portraits/${id}/${view}${asked}`, { signal })).blob();
}

/** Put a corrected matte in the place of the computed one. */
export async function putMatte(id, png) {
  const headers = { "Content-Type": "image/png", Accept: "application/json" };
  return (await send(`${ROOT}/portraits/${id}/alpha`, { method: "PUT", body: png, headers })).json();
}

/** Store photo and matte of a portrait as a training sample. */
export async function storeSample(id) {
  return (await send(`${ROOT}/portraits/${id}/feedback`, { method: "POST" })).json();
}

/** Let the server forget a portrait; a failure does not matter, it forgets by itself. */
export function forget(id) {
  const headers = apiKey ? { "X-API-Key": apiKey } : {};
  fetch(`${ROOT}/portraits/${id}`, { method: "DELETE", headers, keepalive: true }).catch(() => {});
}

/** Open the live channel: JPEG frames in, pictures out, text messages set look and options. */
export function openLive() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const key = apiKey ? `?${new URLSearchParams({ key: apiKey })}` : ""; // a socket has no headers
  const socket = new WebSocket(`${scheme}://${location.host}${ROOT}/live${key}`);
  socket.binaryType = "blob";
  return socket;
}
