// The stage: photo and result one over the other, divider, zoom, and the pointer of the tools.

import { byId, decodeImage, oncePerFrame } from "./dom.js";
import { text, textOf } from "./texts.js";

const LARGEST_ZOOM = 12;
const ZOOM_STEP = 1.5;
const KEY_STEP = 0.01;
const KEY_STEP_LARGE = 0.08;
const TAP_SLACK_PX = 6;

/** The stage shows pictures and turns gestures into points of the photo. */
export class Stage {
  tool = "compare";
  tools = {}; // tool -> { tap, start, move, end }
  #size = { width: 1, height: 1 };
  #base = 1;
  #zoom = 1;
  #pan = { x: 0, y: 0 };
  #pointers = new Map();
  #gesture = null;
  #cursor = null; // place of the keyboard's pointer, as shares of the photo
  #slider = true;

  constructor() {
    this.stage = byId("stage");
    this.frame = byId("frame");
    this.divide = byId("divide");
    new ResizeObserver(oncePerFrame(() => this.layOut())).observe(this.stage);
    this.divide.addEventListener("input", () => this.#showDivider());
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
      this.stage.addEventListener(kind, (event) => this.#onPointer(event));
    }
    this.stage.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    this.stage.addEventListener("keydown", (event) => this.#onKey(event));
    this.stage.addEventListener("blur", () => this.#hideCursor());
    byId("zoom-in").addEventListener("click", () => this.zoomBy(ZOOM_STEP));
    byId("zoom-out").addEventListener("click", () => this.zoomBy(1 / ZOOM_STEP));
    byId("zoom-fit").addEventListener("click", () => this.fit());
    this.#showDivider();
  }

  /** Show another photo of `size` pixels. */
  async showPhoto(url, name, size) {
    this.#size = size;
    byId("before").src = url;
    byId("before").alt = text("stage.photo_alt", { name });
    byId("people").setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    this.frame.hidden = false;
    for (const id of ["zoom", "under", "views", "panel"]) byId(id).hidden = false;
    byId("start").hidden = true;
    document.body.classList.add("has-photo");
    this.setTool(this.tool);
    this.fit();
  }

  /** Show a picture of the photo: the result or a view. */
  async showPicture(blob, view, name) {
    const image = await decodeImage(blob);
    const after = byId("after");
    const old = after.src;
    after.src = image.src;
    after.alt = text("stage.result_alt", { view: textOf(`view.${view}`), name });
    if (old.startsWith("blob:")) URL.revokeObjectURL(old);
    this.frame.dataset.view = view;
  }

  /** Choose the tool; the divider belongs to comparing. */
  setTool(tool) {
    this.tool = tool;
    document.body.dataset.tool = tool;
    this.stage.dataset.tool = tool;
    this.#slider = tool === "compare";
    this.divide.hidden = !this.#slider || this.frame.hidden;
    this.frame.classList.toggle("divided", this.#slider);
    byId("people").toggleAttribute("hidden", tool !== "subject");
    this.#hideCursor();
    this.#showDivider();
  }

  /** Show only the photo while `on`. */
  holdBefore(on) {
    this.frame.classList.toggle("held", on);
  }

  get scale() {
    return this.#base * this.#zoom;
  }

  fit() {
    this.#zoom = 1;
    this.#pan = { x: 0, y: 0 };
    this.layOut();
  }

  layOut() {
    const { clientWidth, clientHeight } = this.stage;
    const { width, height } = this.#size;
    this.#base = Math.min(clientWidth / width, clientHeight / height) || 1;
    const [shownWidth, shownHeight] = [width * this.#base, height * this.#base];
    const spare = (shown, room) => Math.max(0, (shown * this.#zoom - room) / 2);
    this.#pan.x = limit(this.#pan.x, spare(shownWidth, clientWidth));
    this.#pan.y = limit(this.#pan.y, spare(shownHeight, clientHeight));
    const { style } = this.frame;
    style.width = `${shownWidth}px`;
    style.height = `${shownHeight}px`;
    style.transform =
      `translate(-50%, -50%) translate(${this.#pan.x}px, ${this.#pan.y}px) scale(${this.#zoom})`;
    style.setProperty("--zoom", this.#zoom);
    this.stage.classList.toggle("zoomed", this.#zoom > 1);
  }

  /** Zoom around a point of the window, by default the middle of the stage. */
  zoomBy(factor, at = null) {
    const box = this.stage.getBoundingClientRect();
    const middle = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    const from = at ?? middle;
    const zoom = Math.min(LARGEST_ZOOM, Math.max(1, this.#zoom * factor));
    const ratio = zoom / this.#zoom;
    const [dx, dy] = [from.x - middle.x, from.y - middle.y];
    this.#pan = { x: dx - (dx - this.#pan.x) * ratio, y: dy - (dy - this.#pan.y) * ratio };
    this.#zoom = zoom;
    this.layOut();
  }

  /** Return the point of the photo in pixels; null outside. */
  toPhoto(x, y) {
    const box = this.frame.getBoundingClientRect();
    const [u, v] = [(x - box.left) / box.width, (y - box.top) / box.height];
    const inside = u >= 0 && v >= 0 && u < 1 && v < 1;
    return { x: u * this.#size.width - 0.5, y: v * this.#size.height - 0.5, inside };
  }

  #onPointer(event) {
    if (this.frame.hidden || event.target.closest(".zoom, .start")) return;
    if (event.type === "pointerdown") this.#down(event);
    else if (event.type === "pointermove") this.#move(event);
    else this.#up(event);
  }

  #down(event) {
    if (event.button > 0) return;
    this.stage.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.#hideCursor();
    if (this.#pointers.size === 2) {
      if (this.#gesture?.kind === "tool") this.tools[this.tool]?.cancel?.();
      this.#gesture = { kind: "pinch", ...this.#pinch() };
      return;
    }
    const onGrip = Boolean(event.target.closest(".divider"));
    const tool = this.tools[this.tool];
    const kind = this.tool === "compare"
      ? (onGrip || this.#zoom === 1 ? "divide" : "pan")
      : (tool?.start ? "tool" : (this.#zoom > 1 ? "pan" : "tap"));
    const start = { x: event.clientX, y: event.clientY };
    this.#gesture = { kind, start, last: start, moved: false, target: event.target };
    if (kind === "divide") this.#divideAt(event.clientX);
    if (kind === "tool") tool.start(this.toPhoto(event.clientX, event.clientY));
  }

  #move(event) {
    this.tools[this.tool]?.hover?.(event.clientX, event.clientY);
    const gesture = this.#gesture;
    if (!this.#pointers.has(event.pointerId) || !gesture) return;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (gesture.kind === "pinch") return this.#pinchTo(gesture);
    const { clientX: x, clientY: y } = event;
    gesture.moved ||= Math.hypot(x - gesture.start.x, y - gesture.start.y) > TAP_SLACK_PX;
    if (gesture.kind === "divide") this.#divideAt(x);
    else if (gesture.kind === "tool") {
      for (const each of event.getCoalescedEvents?.() ?? [event]) {
        this.tools[this.tool].move(this.toPhoto(each.clientX, each.clientY));
      }
    } else if (gesture.kind === "pan") {
      this.#pan.x += x - gesture.last.x;
      this.#pan.y += y - gesture.last.y;
      this.layOut();
    }
    gesture.last = { x, y };
  }

  #up(event) {
    const gesture = this.#gesture;
    this.#pointers.delete(event.pointerId);
    if (!gesture) return;
    if (gesture.kind === "tool") this.tools[this.tool].end();
    const isTap = !gesture.moved && gesture.start && event.type === "pointerup";
    if (isTap && ["tap", "pan"].includes(gesture.kind)) {
      const point = this.toPhoto(event.clientX, event.clientY);
      if (point.inside) this.tools[this.tool]?.tap?.(point, gesture.target);
    }
    if (this.#pointers.size === 0) this.#gesture = null;
  }

  #pinch() {
    const [a, b] = [...this.#pointers.values()];
    const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
    return { middle, spread: Math.hypot(a.x - b.x, a.y - b.y) };
  }

  #pinchTo(gesture) {
    if (this.#pointers.size < 2) return;
    const now = this.#pinch();
    this.#pan.x += now.middle.x - gesture.middle.x;
    this.#pan.y += now.middle.y - gesture.middle.y;
    this.zoomBy(now.spread / Math.max(1, gesture.spread), now.middle);
    Object.assign(gesture, now);
  }

  #onWheel(event) {
    if (this.frame.hidden) return;
    event.preventDefault();
    const step = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    this.zoomBy(Math.exp(-step / 400), { x: event.clientX, y: event.clientY });
  }

  #divideAt(x) {
    const box = this.frame.getBoundingClientRect();
    this.divide.value = Math.round((100 * (x - box.left)) / box.width);
    this.#showDivider();
  }

  #showDivider() {
    const share = this.#slider ? Number(this.divide.value) : 0;
    this.frame.style.setProperty("--divide", `${share}%`);
  }

  #onKey(event) {
    if (this.frame.hidden || event.target !== this.stage || event.ctrlKey || event.metaKey) return;
    const step = event.shiftKey ? KEY_STEP_LARGE : KEY_STEP;
    const steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key in steps) this.#keyMove(...steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.#keyTap();
    else if (event.key === "+" || event.key === "=") this.zoomBy(ZOOM_STEP, this.#cursorPlace());
    else if (event.key === "-") this.zoomBy(1 / ZOOM_STEP, this.#cursorPlace());
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  #keyMove(dx, dy) {
    if (this.tool === "compare") {
      this.divide.value = Number(this.divide.value) + Math.sign(dx) * Math.max(1, Math.abs(dx) * 100);
      this.#showDivider();
      return;
    }
    const from = this.#cursor ?? { u: 0.5, v: 0.5 };
    this.#cursor = { u: clip(from.u + dx), v: clip(from.v + dy) };
    const place = this.#cursorPlace();
    const box = this.stage.getBoundingClientRect();
    const pointer = byId("pointer");
    pointer.hidden = false;
    pointer.style.left = `${place.x - box.left}px`;
    pointer.style.top = `${place.y - box.top}px`;
    this.tools[this.tool]?.hover?.(place.x, place.y);
  }

  #cursorPlace() {
    if (!this.#cursor) return null;
    const box = this.frame.getBoundingClientRect();
    return { x: box.left + this.#cursor.u * box.width, y: box.top + this.#cursor.v * box.height };
  }

  #keyTap() {
    const tool = this.tools[this.tool];
    if (!tool) return;
    if (!this.#cursor) this.#keyMove(0, 0);
    const place = this.#cursorPlace();
    const point = this.toPhoto(place.x, place.y);
    if (!tool.start) return tool.tap?.(point, null);
    tool.start(point);
    tool.end();
  }

  #hideCursor() {
    byId("pointer").hidden = true;
  }
}

const limit = (value, most) => Math.min(most, Math.max(-most, value));
const clip = (share) => Math.min(0.999, Math.max(0, share));
