// The brush on the stage: it paints on the matte of the portrait and saves it.

import { announce, byId, canvasBlob, decodeImage, oncePerFrame } from "./dom.js";
import { buildSegments, checkSegment } from "./controls.js";
import { DROPPED, KEPT, PaintedMatte } from "./matte.js";
import { text } from "./texts.js";

const MODES = ["add", "remove", "soften"];
const MOST_PIXELS = 16_000_000; // a canvas of more is refused by phones
const TINT = [224, 36, 64];
const STROKE_COLORS = { [KEPT]: [0, 255, 0, 255], [DROPPED]: [255, 0, 0, 255] }; // as the server reads them
const TINT_ALPHA = 0.6;
const SIZE_STEP = 1.2;

/** The brush tool: begun on a portrait, it ends with `apply` or `discard`. */
export class Brush {
  #studio;
  #stage;
  #matte = null;
  #context = null;
  #mode = "add";
  #size = { width: 1, height: 1 };
  #dirty = null;
  #show = oncePerFrame(() => this.#paint());
  #begun = null;

  constructor(studio, stage, run) {
    this.#studio = studio;
    this.#stage = stage;
    const entries = MODES.map((value) => ({ value, label: text(`brush.${value}`) }));
    buildSegments(byId("brush-modes"), "brush-mode", entries, this.#mode, (mode) => (this.#mode = mode));
    byId("brush-size").addEventListener("input", () => this.#showSize());
    byId("undo").addEventListener("click", () => this.undo());
    byId("redo").addEventListener("click", () => this.redo());
    byId("brush-apply").addEventListener("click", () => run(() => this.apply(false)));
    byId("brush-spread").addEventListener("click", () => run(() => this.spread()));
    byId("brush-save").addEventListener("click", () => run(() => this.apply(true)));
    stage.tools.brush = {
      start: (point) => this.#start(point),
      move: (point) => this.#changed(this.#matte?.to(...this.#place(point))),
      end: () => this.#end(),
      cancel: () => this.#changed(this.#matte?.cancel()),
      hover: (x, y) => this.#hover(x, y),
    };
    stage.stage.addEventListener("pointerleave", () => (byId("pointer").hidden = true));
    this.#showSize();
  }

  get isChanged() {
    return Boolean(this.#matte?.isChanged);
  }

  /** Load the matte of the portrait, at its own size where the device can hold it. */
  begin() {
    this.#begun ??= this.#load().catch((error) => {
      this.#begun = null;
      throw error;
    });
    return this.#begun;
  }

  async #load() {
    const { portrait } = this.#studio;
    const { width, height } = portrait;
    const shrink = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
    const side = shrink < 1 ? Math.floor(shrink * Math.max(width, height)) : null;
    const image = await decodeImage(await this.#studio.picture("fused", side));
    const canvas = byId("paint");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    this.#size = { width, height };
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
    this.#context.drawImage(image, 0, 0);
    URL.revokeObjectURL(image.src);
    const pixels = this.#context.getImageData(0, 0, canvas.width, canvas.height).data;
    const levels = new Uint8ClampedArray(canvas.width * canvas.height);
    for (let k = 0; k < levels.length; k += 1) levels[k] = pixels[4 * k];
    const { strokes } = this.#studio.extras;
    this.#matte = new PaintedMatte(levels, canvas.width, canvas.height,
      strokes ? await readStrokes(strokes, canvas.width, canvas.height) : undefined);
    canvas.hidden = false;
    this.#changed({ left: 0, top: 0, right: canvas.width, bottom: canvas.height });
    if (side) announce(text("brush.reduced", { width: canvas.width, height: canvas.height }));
  }

  /** Leave the brush without saving. */
  discard() {
    this.#matte = this.#context = this.#begun = this.#dirty = null;
    byId("paint").hidden = true;
    byId("pointer").hidden = true;
    byId("pointer").classList.remove("tip");
    this.#showState();
  }

  /** Give the matte to the server; `asSample` also stores it to learn from. */
  async apply(asSample) {
    if (!this.isChanged && !asSample) return announce(text("brush.nothing"));
    await this.#studio.correct(await this.#encode(), asSample);
    announce(text(asSample ? "brush.sample" : "brush.applied"));
    byId("brush-controls").dispatchEvent(new Event("saved"));
    return undefined;
  }

  /** Give the strokes to the server, which finds everything else from them. */
  async spread() {
    if (!this.isChanged || !this.#matte.hasStrokes) return announce(text("brush.nothing"));
    const png = await this.#encodeStrokes();
    const file = new File([png], "strokes.png", { type: "image/png" });
    await this.#studio.setExtra("strokes", file, text("marks.strokes"));
    announce(text("brush.spread_done"));
    byId("brush-controls").dispatchEvent(new Event("saved"));
    return undefined;
  }

  undo() {
    if (!this.#matte?.canUndo) return;
    this.#changed(this.#matte.undo());
    announce(text("brush.undone"));
  }

  redo() {
    if (!this.#matte?.canRedo) return;
    this.#changed(this.#matte.redo());
    announce(text("brush.redone"));
  }

  /** Choose a mode from the keyboard. */
  setMode(mode) {
    this.#mode = mode;
    checkSegment("brush-mode", mode);
  }

  resize(direction) {
    const slider = byId("brush-size");
    const value = Number(slider.value);
    slider.value = Math.round(direction > 0 ? value * SIZE_STEP + 1 : value / SIZE_STEP - 1);
    this.#showSize();
  }

  /** Radius of the tip on the screen in CSS pixels. */
  get #radius() {
    return Number(byId("brush-size").value);
  }

  #start(point) {
    if (!this.#matte) return;
    const perPixel = (this.#stage.scale * this.#size.width) / this.#matte.width;
    this.#matte.begin(this.#mode, this.#radius / perPixel);
    this.#changed(this.#matte.to(...this.#place(point)));
  }

  #end() {
    this.#matte?.end();
    this.#showState();
  }

  #place({ x, y }) {
    const scale = this.#matte.width / this.#size.width;
    return [(x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5];
  }

  #hover(x, y) {
    if (!this.#matte) return;
    const pointer = byId("pointer");
    const box = this.#stage.stage.getBoundingClientRect();
    pointer.hidden = false;
    pointer.classList.add("tip");
    pointer.style.left = `${x - box.left}px`;
    pointer.style.top = `${y - box.top}px`;
  }

  #showSize() {
    byId("brush-size-value").textContent = String(2 * this.#radius);
    byId("pointer").style.setProperty("--tip", `${2 * this.#radius}px`);
  }

  #changed(box) {
    if (box) {
      const old = this.#dirty ?? box;
      this.#dirty = {
        left: Math.min(old.left, box.left), top: Math.min(old.top, box.top),
        right: Math.max(old.right, box.right), bottom: Math.max(old.bottom, box.bottom),
      };
      this.#show();
    }
    this.#showState();
  }

  /** Show the part that changed: red where the background is. */
  #paint() {
    if (!this.#matte || !this.#dirty) return;
    const { left, top, right, bottom } = this.#dirty;
    this.#dirty = null;
    const tint = new ImageData(right - left, bottom - top);
    for (let row = top, k = 0; row < bottom; row += 1) {
      for (let column = left; column < right; column += 1, k += 4) {
        const level = this.#matte.levels[row * this.#matte.width + column];
        [tint.data[k], tint.data[k + 1], tint.data[k + 2]] = TINT;
        tint.data[k + 3] = (255 - level) * TINT_ALPHA;
      }
    }
    this.#context.putImageData(tint, left, top);
  }

  #showState() {
    byId("undo").disabled = !this.#matte?.canUndo;
    byId("redo").disabled = !this.#matte?.canRedo;
  }

  #encode() {
    const { width, height, levels } = this.#matte;
    const pixels = new ImageData(width, height);
    for (let k = 0; k < levels.length; k += 1) {
      pixels.data.fill(levels[k], 4 * k, 4 * k + 3);
      pixels.data[4 * k + 3] = 255;
    }
    return this.#encodePixels(pixels, true);
  }

  /** Strokes as the server takes them: green keeps, red drops, nothing elsewhere. */
  #encodeStrokes() {
    const { width, height, strokes } = this.#matte;
    const pixels = new ImageData(width, height);
    for (let k = 0; k < strokes.length; k += 1) {
      if (strokes[k]) pixels.data.set(STROKE_COLORS[strokes[k]], 4 * k);
    }
    return this.#encodePixels(pixels, false);
  }

  /** Encode pixels as a PNG of the photo's size. */
  async #encodePixels(pixels, isSmooth) {
    const { width, height } = pixels;
    const small = document.createElement("canvas");
    [small.width, small.height] = [width, height];
    small.getContext("2d").putImageData(pixels, 0, 0);
    if (width === this.#size.width && height === this.#size.height) return canvasBlob(small, "image/png");
    const whole = document.createElement("canvas");
    [whole.width, whole.height] = [this.#size.width, this.#size.height];
    const context = whole.getContext("2d");
    context.imageSmoothingEnabled = isSmooth;
    context.drawImage(small, 0, 0, whole.width, whole.height);
    return (await canvasBlob(whole, "image/png")) ?? canvasBlob(small, "image/png");
  }
}

/** Read a picture of strokes at the size of the sheet. */
async function readStrokes(file, width, height) {
  const image = await decodeImage(file);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, width, height);
  URL.revokeObjectURL(image.src);
  const { data } = context.getImageData(0, 0, width, height);
  const strokes = new Uint8ClampedArray(width * height);
  for (let k = 0; k < strokes.length; k += 1) {
    if (data[4 * k + 3] >= 128) strokes[k] = data[4 * k + 1] > data[4 * k] ? KEPT : DROPPED;
  }
  return strokes;
}
