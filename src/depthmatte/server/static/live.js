// The live camera: frames go to the server one at a time, always the newest, pictures come back.

import { effectText, openLive } from "./api.js";
import { closeCamera, frameAsFile, openCamera } from "./camera.js";
import { buildControls, buildSegments } from "./controls.js";
import { byId, canvasBlob, openDialog, showProblem } from "./dom.js";
import { text, textOf } from "./texts.js";

const FRAME_SIDE = 640;
const JPEG_QUALITY = 0.8;
const RATE_WEIGHT = 0.2;
const LOST_AFTER_MS = 5000; // a frame without an answer

/** Show the live dialog; returns the frame to keep as a photo, or null. */
export async function runLive(schema, look, options) {
  const stream = await openCamera("user", FRAME_SIDE * 2);
  const live = new Live(stream, schema, look, options);
  return live.run();
}

class Live {
  #video = document.createElement("video");
  #canvas = document.createElement("canvas");
  #socket = null;
  #stopped = false;
  #sent = 0;
  #waiting = false;
  #rate = { gap: 0, delay: 0, last: 0 };
  #look;

  constructor(stream, schema, look, options) {
    Object.assign(this, { stream, schema, options });
    this.#look = { name: look.name, values: { ...look.values } };
    delete this.#look.values.focus;
    Object.assign(this.#video, { srcObject: stream, muted: true, playsInline: true });
  }

  async run() {
    await this.#video.play();
    byId("live-rate").textContent = text("live.waiting");
    this.#buildControls();
    this.#connect();
    return new Promise((resolve) => {
      let kept = null;
      const keep = async () => {
        kept = await frameAsFile(this.#video);
        byId("live-dialog").close();
      };
      const stop = () => byId("live-dialog").close();
      byId("live-keep").addEventListener("click", keep);
      byId("live-stop").addEventListener("click", stop);
      openDialog(byId("live-dialog"), () => {
        byId("live-keep").removeEventListener("click", keep);
        byId("live-stop").removeEventListener("click", stop);
        this.#stop();
        resolve(kept);
      });
    });
  }

  #stop() {
    this.#stopped = true;
    this.#socket?.close();
    closeCamera(this.stream);
    this.#video.srcObject = null;
  }

  #connect() {
    const socket = openLive();
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#tellLook();
      this.#sendNewest();
    });
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    socket.addEventListener("close", ({ reason }) => {
      if (this.#stopped) return;
      showProblem(text("live.lost", { reason }));
      byId("live-dialog").close();
    });
  }

  #tellLook() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const effect = effectText(this.#look.name, this.#look.values);
    this.#socket.send(JSON.stringify({ options: this.#options(), effect }));
  }

  /** Without a wish for depth none is estimated, which halves the time of a picture. A point of
      the open photo means nothing in the camera's picture. */
  #options() {
    const { subject, ...rest } = this.options;
    const isQuick = !("fusion" in rest) && !("depth_source" in rest);
    const quick = isQuick ? { fusion: "none", depth_source: "none" } : {};
    const isPoint = subject === undefined || /^\s*[-\d.]/.test(subject);
    return { ...rest, ...quick, ...(isPoint ? {} : { subject }) };
  }

  /** Send the picture that the camera shows now; there is never more than one on its way. */
  async #sendNewest() {
    if (this.#stopped || this.#waiting || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#waiting = true;
    const { videoWidth: width, videoHeight: height } = this.#video;
    const scale = Math.min(1, FRAME_SIDE / Math.max(width, height));
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    this.#canvas.getContext("2d").drawImage(this.#video, 0, 0, this.#canvas.width, this.#canvas.height);
    const frame = await canvasBlob(this.#canvas, "image/jpeg", JPEG_QUALITY);
    if (this.#stopped || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#sent = performance.now();
    this.#socket.send(frame);
    const mine = this.#sent;
    setTimeout(() => this.#waiting && this.#sent === mine && this.#next(), LOST_AFTER_MS);
  }

  #next() {
    this.#waiting = false;
    return this.#sendNewest();
  }

  async #receive(data) {
    if (typeof data === "string") return this.#hear(data);
    const now = performance.now();
    const delay = now - this.#sent;
    this.#next();
    const picture = await createImageBitmap(data);
    const shown = byId("live-picture");
    [shown.width, shown.height] = [picture.width, picture.height];
    shown.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    this.#measure(now, delay);
    return undefined;
  }

  /** A text of the server is an answer to a frame only where it tells an error. */
  #hear(data) {
    const told = JSON.parse(data);
    const reason = told.error;
    if (!reason) return;
    showProblem(text("problem.failed", { reason }));
    if (this.#waiting) setTimeout(() => this.#next(), 200);
  }

  #measure(now, delay) {
    const rate = this.#rate;
    const mix = (old, value) => (old ? old + RATE_WEIGHT * (value - old) : value);
    rate.delay = mix(rate.delay, delay);
    if (rate.last) rate.gap = mix(rate.gap, now - rate.last);
    rate.last = now;
    if (!rate.gap) return;
    const values = { fps: (1000 / rate.gap).toFixed(1), delay: Math.round(rate.delay) };
    byId("live-rate").textContent = text("live.rate", values);
  }

  #buildControls() {
    const names = Object.keys(this.schema.effects);
    const entries = names.map((value) => ({ value, label: textOf(`look.${value}`) }));
    buildSegments(byId("live-looks"), "live-look", entries, this.#look.name, (name) => {
      this.#look = { name, values: {} };
      this.#buildValues();
      this.#tellLook();
    });
    this.#buildValues();
  }

  #buildValues() {
    const schema = this.schema.effects[this.#look.name];
    const names = Object.keys(schema.properties).filter((name) => name !== "focus");
    const change = (name, value) => {
      this.#look.values[name] = value;
      this.#tellLook();
    };
    byId("live-controls").replaceChildren(
      ...buildControls(schema, names, this.#look.values, this.#look.name, change),
    );
  }
}
