// Marks on the photo: points to keep, points to drop and a box. The server cuts again with each.

import { announce, byId, icon, make } from "./dom.js";
import { buildSegments } from "./controls.js";
import { text } from "./texts.js";

const MODES = ["keep", "drop", "box"];
const TAP_SIZE_PX = 6; // on the screen; a smaller box is a tap on one of its corners

/** The tool "mark". What is marked stands in the options of the studio; strokes in its extras. */
export class Marks {
  #studio;
  #stage;
  #run;
  #mode = "keep";
  #undo = [];
  #redo = [];
  #corner = null; // the first corner of a box of two taps
  #drawn = null; // the box that is being drawn: [from, to]

  constructor(studio, stage, run) {
    this.#studio = studio;
    this.#stage = stage;
    this.#run = run;
    const entries = MODES.map((value) => ({ value, label: text(`marks.${value}`), hint: text(`marks.${value}.hint`) }));
    buildSegments(byId("mark-modes"), "mark-mode", entries, this.#mode, (mode) => this.setMode(mode));
    byId("marks-undo").addEventListener("click", () => this.undo());
    byId("marks-redo").addEventListener("click", () => this.redo());
    byId("marks-clear").addEventListener("click", () => run(() => this.#clear()));
    for (const event of ["options", "extras"]) studio.addEventListener(event, () => this.show());
    studio.addEventListener("opened", () => this.forget());
    this.setMode(this.#mode);
  }

  /** Forget what can be undone: another photo is open. */
  forget() {
    this.#undo = [];
    this.#redo = [];
    this.#corner = this.#drawn = null;
    this.show();
  }

  /** Choose what a tap means; a box is drawn instead. */
  setMode(mode) {
    this.#mode = mode;
    this.#corner = this.#drawn = null;
    byId("marks-hint").textContent = text(`marks.${mode}.hint`);
    this.#stage.tools.mark = mode === "box"
      ? {
        start: (point) => (this.#drawn = [point, point]),
        move: (point) => this.#drawTo(point),
        end: () => this.#endBox(),
        cancel: () => this.#cancelBox(),
      }
      : { tap: (point) => this.#run(() => this.#addPoint(point)) };
    this.show();
  }

  undo() {
    if (this.#undo.length) this.#run(() => this.#goTo(this.#undo, this.#redo, "marks.undone"));
  }

  redo() {
    if (this.#redo.length) this.#run(() => this.#goTo(this.#redo, this.#undo, "marks.redone"));
  }

  /** Draw the marks on the photo and list them. */
  show() {
    const { keep, drop, box } = this.#state();
    const { width, height } = this.#studio.portrait ?? { width: 1, height: 1 };
    const place = ([x, y], kind) => {
      const mark = make("div", { className: "mark", dataset: { kind } });
      mark.style.left = `${(100 * (x + 0.5)) / width}%`;
      mark.style.top = `${(100 * (y + 0.5)) / height}%`;
      return mark;
    };
    const drawn = this.#drawn ? this.#boxOf(...this.#drawn) : box;
    const sheet = [...keep.map((point) => place(point, "keep")), ...drop.map((point) => place(point, "drop"))];
    if (drawn) sheet.push(placeBox(make("div", { className: "mark-box", dataset: { kind: "box" } }), drawn, width, height));
    if (this.#corner) sheet.push(place([this.#corner.x, this.#corner.y], "corner"));
    byId("marks").replaceChildren(...sheet);
    this.#list();
  }

  #list() {
    const { keep, drop, box } = this.#state();
    const rows = ["keep", "drop"].flatMap((kind) => this.#state()[kind].map((point, index) => ({
      kind, what: text(`marks.${kind}.at`, { x: Math.round(point[0]), y: Math.round(point[1]) }),
      remove: () => this.#change({ [kind]: this.#state()[kind].filter((_, other) => other !== index) }),
    })));
    if (box) {
      const [left, top, right, bottom] = box;
      const what = text("marks.box.at", { left, top, width: right - left, height: bottom - top });
      rows.push({ kind: "box", what, remove: () => this.#change({ box: null }) });
    }
    if (this.#studio.extras.strokes) {
      const what = text("marks.strokes");
      rows.push({ kind: "strokes", what, remove: () => this.#studio.setExtra("strokes", null, what) });
    }
    const list = byId("marks-list");
    const held = [...list.querySelectorAll("button")].indexOf(document.activeElement);
    list.replaceChildren(...rows.map(({ kind, what, remove }) => make("li", {},
      make("span", { className: "dot", dataset: { kind }, attributes: { "aria-hidden": "true" } }),
      make("span", { className: "what", textContent: what }),
      make("button", {
        type: "button", className: "button quiet", title: text("marks.remove", { what }),
        attributes: { "aria-label": text("marks.remove", { what }) },
        on: { click: () => this.#run(remove) },
      }, icon("close")))));
    list.hidden = rows.length === 0;
    byId("marks-empty").hidden = rows.length > 0;
    byId("marks-undo").disabled = this.#undo.length === 0;
    byId("marks-redo").disabled = this.#redo.length === 0;
    byId("marks-clear").disabled = !keep.length && !drop.length && !box;
    if (held >= 0) { // the keyboard stays where it was
      const buttons = [...list.querySelectorAll("button")];
      (buttons[Math.min(held, buttons.length - 1)] ?? byId("marks-card").querySelector("summary")).focus();
    }
  }

  #state() {
    const { keep = [], drop = [], box = null } = this.#studio.options;
    return { keep, drop, box };
  }

  async #addPoint(point) {
    const [x, y] = [point.x, point.y].map((value) => Math.round(10 * Math.max(0, value)) / 10);
    await this.#change({ [this.#mode]: [...this.#state()[this.#mode], [x, y]] });
    announce(text(`marks.${this.#mode}.done`));
  }

  #drawTo(point) {
    if (!this.#drawn) return;
    this.#drawn = [this.#drawn[0], point];
    this.show();
  }

  #endBox() {
    if (!this.#drawn) return;
    const [from, to] = this.#drawn;
    this.#drawn = null;
    const isTap = Math.hypot(to.x - from.x, to.y - from.y) * this.#stage.scale < TAP_SIZE_PX;
    const first = isTap ? this.#corner : from;
    this.#corner = null;
    if (!first) {
      this.#corner = from;
      this.show();
      announce(text("marks.box.corner"));
      return;
    }
    this.#run(async () => {
      await this.#change({ box: this.#boxOf(first, to) });
      announce(text("marks.box.done"));
    });
  }

  #cancelBox() {
    this.#drawn = null;
    this.show();
  }

  /** Return [left, top, right, bottom] in whole pixels of the photo, at least one wide and high. */
  #boxOf(a, b) {
    const { width, height } = this.#studio.portrait;
    const span = (one, other, side) => {
      const low = Math.min(side - 1, Math.max(0, Math.round(Math.min(one, other) + 0.5)));
      return [low, Math.max(low + 1, Math.min(side, Math.round(Math.max(one, other) + 0.5)))];
    };
    const [[left, right], [top, bottom]] = [span(a.x, b.x, width), span(a.y, b.y, height)];
    return [left, top, right, bottom];
  }

  async #clear() {
    await this.#change({ keep: [], drop: [], box: null });
    announce(text("marks.cleared"));
  }

  /** Cut again with other marks; what the server refuses is not kept. */
  async #change(marks) {
    const before = this.#state();
    await this.#cut({ ...before, ...marks });
    this.#undo.push(before);
    this.#redo = [];
    this.show();
  }

  async #goTo(from, to, done) {
    const [now, state] = [this.#state(), from.at(-1)];
    await this.#cut(state);
    from.pop();
    to.push(now);
    this.show();
    announce(text(done));
  }

  async #cut({ keep, drop, box }) {
    const { keep: _keep, drop: _drop, box: _box, ...rest } = this.#studio.options;
    const marks = { ...(keep.length ? { keep } : {}), ...(drop.length ? { drop } : {}), ...(box ? { box } : {}) };
    const cut = this.#studio.setOptions({ ...rest, ...marks }, text("history.marks"));
    this.show(); // the mark is there while the server works
    try {
      await cut;
    } finally {
      this.show();
    }
  }
}

/** Put an element over a box [left, top, right, bottom] of a photo. */
export function placeBox(node, [left, top, right, bottom], width, height) {
  Object.assign(node.style, {
    left: `${(100 * left) / width}%`, top: `${(100 * top) / height}%`,
    width: `${(100 * (right - left)) / width}%`, height: `${(100 * (bottom - top)) / height}%`,
  });
  return node;
}
