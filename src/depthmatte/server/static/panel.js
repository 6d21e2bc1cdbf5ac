// The panel beside the stage: look, options, files beside the photo, downloads, history.

import { compareFusions } from "./compare.js";
import { buildControl, buildControls, buildSegments, choicesOf } from "./controls.js";
import { byId, busy, icon, make, saveFile } from "./dom.js";
import { text, textOf } from "./texts.js";

// Options with a place of their own on the page, or of use only with a picture that a server does not get.
const NOT_SHOWN = { blur: ["focus"], background: ["fit", "blur", "light"], cutout: ["premultiplied", "crop"] };
const WHOLE_PHOTO = "none";
const FIRST_OPTIONS = ["fusion", "depth_source", "subject", "quality", "second_look"];
const EXTRAS = { depth: "image/*,.npy,.pfm,.exr,.tif,.tiff", calib: ".txt,.json,.yaml,.yml,.xml", right: "image/*" };
const SETTLE_MS = 90;
const MAPS = ["fused", "matte", "mask", "prob", "depth", "depth_prob", "validity", "depth_mm", "cutout"];

/** The panel; `run` runs an action and shows its error. */
export class Panel {
  constructor(studio, run) {
    Object.assign(this, { studio, run });
    studio.addEventListener("schema", () => this.#buildAll());
    studio.addEventListener("options", () => this.#buildOptions());
    studio.addEventListener("extras", () => this.#buildExtras());
    studio.addEventListener("look", () => this.#syncLook());
    studio.addEventListener("crop", () => this.#buildCrop());
    studio.addEventListener("history", () => this.#buildHistory());
    studio.addEventListener("cut", () => this.#buildPlanes());
    byId("download").addEventListener("click", () => run(() => this.#download("result")));
    byId("reset").addEventListener("click", () => run(() => studio.setOptions({}, text("history.options"))));
    byId("compare").addEventListener("click", () => run(() => this.#compare()));
  }

  #buildAll() {
    this.#buildLooks();
    this.#buildOptions();
    this.#buildExtras();
    this.#buildPlanes();
    this.#buildCrop();
  }

  #buildLooks() {
    const { effects } = this.studio.schema;
    const entries = Object.keys(effects).map((value) => ({
      value, label: textOf(`look.${value}`), hint: effects[value].description,
    }));
    buildSegments(byId("looks"), "look", entries, this.studio.look.name, (name) =>
      this.run(() => this.studio.setLook({ name, values: this.#keptFocus(name), picture: null })));
    this.#buildLookControls();
  }

  #keptFocus(name) {
    const { focus } = this.studio.look.values;
    return focus && "focus" in this.studio.schema.effects[name].properties ? { focus } : {};
  }

  #shownLook = null;

  #syncLook() {
    const { look } = this.studio;
    const input = byId(`look-${look.name}`);
    if (input) input.checked = true;
    if (this.#shownLook !== `${look.name} ${look.picture?.name ?? ""}` || !this.#settling) this.#buildLookControls();
  }

  #settling = 0;

  #buildLookControls() {
    const { look, schema } = this.studio;
    this.#shownLook = `${look.name} ${look.picture?.name ?? ""}`;
    const effect = schema.effects[look.name];
    const names = Object.keys(effect.properties).filter((name) => !(NOT_SHOWN[look.name] ?? []).includes(name));
    const controls = buildControls(effect, names, look.values, look.name, (name, value) => {
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => this.run(async () => {
        const values = { ...this.studio.look.values, [name]: value };
        await this.studio.setLook({ values, picture: name === "color" ? null : this.studio.look.picture });
        this.#settling = 0;
      }), SETTLE_MS);
    });
    if (look.name === "background") controls.push(this.#buildPicture());
    if (!controls.length) controls.push(make("p", { className: "note", textContent: text("look.nothing") }));
    byId("look-controls").replaceChildren(...controls);
  }

  #buildPicture() {
    const { look } = this.studio;
    const input = make("input", {
      type: "file", id: "picture", accept: "image/*",
      on: { change: () => input.files[0] && this.run(() => this.studio.setLook({ picture: input.files[0] })) },
    });
    const clear = look.picture && make("button", {
      type: "button", className: "button quiet", textContent: text("look.picture.clear"),
      on: { click: () => this.run(() => this.studio.setLook({ picture: null })) },
    });
    return make("div", { className: "control" },
      make("label", { htmlFor: "picture", textContent: text("look.picture") }), input,
      look.picture && make("p", { className: "hint", textContent: look.picture.name }), clear);
  }

  #buildOptions() {
    const { schema, options } = this.studio;
    if (!schema) return;
    const change = (name, value) => this.run(() => {
      const { [name]: _, ...rest } = this.studio.options;
      const isDefault = value === null || value === schema.options.properties[name].default;
      const shown = typeof value === "object" ? "" : String(value);
      const what = text("history.cut", { option: textOf(`option.${name}`), value: shown });
      return this.studio.setOptions(isDefault ? rest : { ...rest, [name]: value }, what);
    });
    const others = Object.keys(schema.options.properties).filter((name) => !FIRST_OPTIONS.includes(name));
    const held = document.activeElement?.id?.replace(/-\d+$/, "");
    byId("cut-controls").replaceChildren(...buildControls(schema.options, FIRST_OPTIONS, options, "cut", change));
    byId("cut-more").replaceChildren(...buildControls(schema.options, others, options, "cut", change));
    if (held?.startsWith("option-cut-")) byId("cut-card").querySelector(`[id^="${held}-"]`)?.focus();
  }

  #buildExtras() {
    const rows = Object.entries(EXTRAS).map(([kind, accept]) => {
      const label = text(`inputs.${kind}`);
      const file = this.studio.extras[kind];
      const input = make("input", {
        type: "file", id: `input-${kind}`, accept,
        on: { change: () => input.files[0] && this.run(() => this.studio.setExtra(kind, input.files[0], label)) },
      });
      const clear = file && make("button", {
        type: "button", className: "button quiet", textContent: text("inputs.clear", { name: file.name }),
        on: { click: () => this.run(() => this.studio.setExtra(kind, null, label)) },
      });
      return make("div", { className: "control" }, make("label", { htmlFor: input.id, textContent: label }), input, clear);
    });
    byId("inputs").replaceChildren(...rows);
  }

  #cropping = 0;

  /** The frame of downloads: its shape, and for a chosen one its margins. */
  #buildCrop() {
    const { schema, crop } = this.studio;
    if (this.#cropping) return;
    const { shape, ...rest } = schema.crop.properties;
    const choose = (word) => this.run(() => this.studio.setCrop(word === WHOLE_PHOTO ? null : { ...crop, shape: word }));
    const words = { ...shape, enum: [WHOLE_PHOTO, ...choicesOf(shape)] };
    const change = (name, value) => {
      clearTimeout(this.#cropping);
      this.#cropping = setTimeout(() => this.run(async () => {
        try {
          await this.studio.setCrop({ ...this.studio.crop, [name]: value });
        } finally {
          this.#cropping = 0;
        }
      }), SETTLE_MS);
    };
    const held = document.activeElement?.id?.replace(/-\d+$/, "");
    byId("crop").replaceChildren(
      buildControl("shape", words, crop?.shape ?? WHOLE_PHOTO, "crop", choose),
      ...(crop ? buildControls(schema.crop, Object.keys(rest), crop, "crop", change) : []));
    if (held?.startsWith("option-crop-")) byId("crop").querySelector(`[id^="${held}-"]`)?.focus();
  }

  #buildPlanes() {
    const { schema, portrait } = this.studio;
    const isThere = (name) => {
      if (name === "depth_mm") return portrait?.sources.metric && schema.views.includes(name);
      return name === "fused" || name === "matte" || schema.views.includes(name);
    };
    const names = MAPS.filter(isThere);
    byId("planes").replaceChildren(...names.map((name) => {
      const label = textOf(`view.${name}`);
      return make("li", {}, make("button", {
        type: "button", className: "button quiet", dataset: { plane: name },
        on: { click: () => this.run(() => this.#download(name)) },
      }, icon("download"), make("span", { textContent: label })));
    }));
  }

  async #download(view) {
    const done = busy(text("busy.render"));
    try {
      const format = view === "result" ? byId("format").value : "png";
      const blob = await this.studio.picture(view, null, undefined, format, this.studio.cropText);
      const stem = (this.studio.photo.name || "photo").replace(/\.[^.]*$/, "");
      const kind = view === "result" ? this.studio.look.name : view;
      saveFile(blob, `${stem}.${kind}.${suffixOf(blob.type)}`);
    } finally {
      done();
    }
  }

  #compare() {
    return compareFusions(this.studio, this.studio.schema.fusions, (found, fusion) =>
      this.run(() => this.studio.adopt(found, { fusion },
        text("history.cut", { option: text("option.fusion"), value: fusion }))));
  }

  #buildHistory() {
    const { history, portrait } = this.studio;
    byId("history-empty").hidden = history.length > 0;
    byId("history").replaceChildren(...history.map((entry) => {
      const button = make("button", {
        type: "button", attributes: { "aria-label": text("history.back", { what: entry.what }) },
        on: { click: () => this.run(() => this.studio.goBack(entry)) },
      }, make("img", { src: entry.thumbnail, alt: "" }), make("span", { textContent: entry.what }));
      if (entry.portrait === portrait) button.setAttribute("aria-current", "true");
      return make("li", {}, button);
    }));
  }
}

const suffixOf = (type) => ({ "image/jpeg": "jpg", "image/webp": "webp", "image/tiff": "tif" })[type] ?? "png";
