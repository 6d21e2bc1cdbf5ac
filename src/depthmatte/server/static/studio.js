// The state of the page: the photo, its options, the look, and what the server answered.

import * as api from "./api.js";
import { busy, decodeImage } from "./dom.js";
import { text } from "./texts.js";

const PREVIEW_SIDE = 1600;
const HISTORY_LENGTH = 24;
const NO_EXTRAS = { depth: null, calib: null, right: null, strokes: null };

/** The one portrait that is open, and what can be done with it. It tells changes as events. */
export class Studio extends EventTarget {
  schema = null;
  photo = null; // the File
  photoUrl = ""; // an address the browser can draw
  extras = NO_EXTRAS;
  options = {};
  crop = null; // the frame of downloads: shape, margin and head; null for the whole photo
  frame = null; // where it lies: [left, top, right, bottom] in pixels of the photo
  look = { name: "blur", values: {}, picture: null };
  view = "result";
  portrait = null;
  history = [];
  #renders = null;
  #turn = 0;
  #everybody = null; // the people of the photo

  #tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  get isOpen() {
    return this.portrait !== null;
  }

  /** Load the options the server has; the look starts with the defaults of its first effect. */
  async loadSchema() {
    this.schema = await api.loadSchema();
    if (!this.schema.effects[this.look.name]) this.look.name = Object.keys(this.schema.effects)[0];
    this.#tell("schema");
  }

  /** Open a photo and cut it. */
  async open(file, name = file.name) {
    const before = { photo: this.photo, extras: this.extras, options: this.options };
    this.photo = file;
    this.extras = NO_EXTRAS;
    this.options = this.lastingOptions;
    this.look = { ...this.look, values: this.#withoutFocus(this.look.values) };
    try {
      await this.#cut(text("history.opened", { name }), true);
    } catch (error) {
      Object.assign(this, before);
      throw error;
    }
  }

  /** Set the files beside the photo and cut again. */
  async setExtra(kind, file, label) {
    const before = this.extras;
    this.extras = { ...this.extras, [kind]: file };
    try {
      const key = file ? "history.inputs" : "history.inputs_removed";
      await this.#cut(text(key, { name: label }), false);
    } catch (error) {
      this.extras = before;
      throw error;
    } finally {
      this.#tell("extras");
    }
  }

  /** Cut again with other options. */
  async setOptions(options, what) {
    if (!this.isOpen) {
      this.options = options;
      this.#tell("options");
      return;
    }
    const before = this.options;
    this.options = options;
    const done = busy(text("busy.recut"));
    const turn = ++this.#turn;
    try {
      const found = await this.#again(options);
      if (turn === this.#turn) await this.#accept(found, what, false);
    } catch (error) {
      if (turn === this.#turn) this.options = before;
      throw error;
    } finally {
      done();
      this.#tell("options");
    }
  }

  /** Return everybody in the photo, also who is not cut out now. */
  async everybody() {
    if (!this.#everybody && this.portrait.corrected) { // it knows of the matte alone
      const { people, id } = await this.tryOptions({ subject: "all" });
      this.#everybody = people;
      api.forget(id);
    }
    this.#everybody ??= this.portrait.people;
    return this.#everybody;
  }

  /** Return what the kept portrait becomes with other options, without changing the page. */
  async tryOptions(options) {
    return this.#again({ ...this.options, ...options });
  }

  #again(options) {
    return this.#kept(this.portrait, (id) => api.cutAgain(id, options));
  }

  /** Ask for something of a portrait; one that the server forgot is made again first. */
  async #kept(found, ask) {
    try {
      return await ask(found.id);
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    this.#tell("expired");
    const { options, extras, correction } = found.request;
    const fresh = await api.cutPhoto(this.photo, extras, options, () => {});
    Object.assign(found, fresh, { plain: null });
    if (correction) Object.assign(found, await api.putMatte(fresh.id, correction));
    return ask(found.id);
  }

  /** Let the server forget all that the page holds. */
  forgetAll() {
    for (const id of new Set(this.history.map((entry) => entry.portrait.id))) api.forget(id);
  }

  async #cut(what, isNew) {
    const done = busy(text("busy.upload", { percent: 0 }));
    const sent = (share) =>
      share < 1
        ? done.update(text("busy.upload", { percent: Math.round(100 * share) }), share)
        : done.update(text("busy.cut"));
    const turn = ++this.#turn;
    try {
      const found = await api.cutPhoto(this.photo, this.extras, this.options, sent);
      if (turn === this.#turn) await this.#accept(found, what, isNew);
    } finally {
      done();
    }
  }

  async #accept(found, what, isNew) {
    this.portrait = found;
    found.request ??= { options: this.options, extras: this.extras, correction: null };
    if (isNew) {
      this.#everybody = null;
      URL.revokeObjectURL(this.photoUrl);
      this.photoUrl = await this.#drawablePhoto();
      this.forgetAll();
      for (const entry of this.history) URL.revokeObjectURL(entry.thumbnail);
      this.history = [];
      this.#tell("opened");
    }
    this.#tell("cut", { isNew });
    await this.render();
    await this.#findFrame();
    await this.#remember(what);
  }

  /** Return the photo as an address; what the browser cannot decode comes from the server. */
  async #drawablePhoto() {
    try {
      return (await decodeImage(this.photo)).src;
    } catch {
      const query = { width: PREVIEW_SIDE, format: "jpeg", effect: "blur:strength=0" };
      return URL.createObjectURL(await api.loadView(this.portrait.id, "blur", query));
    }
  }

  /** Change the look; only effects are rendered, no network runs. */
  setLook(change) {
    this.look = { ...this.look, ...change };
    this.view = "result";
    this.#tell("look");
    return this.render();
  }

  /** Change what the stage shows. */
  setView(view) {
    this.view = view;
    this.#tell("view");
    return this.render();
  }

  /** Ask for the picture of the view and tell it; a newer request ends an older one. */
  async render() {
    if (!this.isOpen) return;
    this.#renders?.abort();
    const mine = new AbortController();
    this.#renders = mine;
    const done = busy(text("busy.render"));
    try {
      const blob = await this.picture(this.view, PREVIEW_SIDE, mine.signal);
      if (mine === this.#renders) this.#tell("picture", { blob, view: this.view });
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      done();
    }
  }

  /** Choose the frame of downloads; null is the whole photo. */
  async setCrop(crop) {
    this.crop = crop;
    this.#tell("crop");
    await this.#findFrame();
  }

  /** The frame as the command line writes it: square:margin=0.1; null for the whole photo. */
  get cropText() {
    if (!this.crop) return null;
    const { shape, ...rest } = this.crop;
    return api.effectText(shape, rest);
  }

  async #findFrame() {
    const [crop, found] = [this.cropText, this.portrait];
    const told = crop && found ? await this.#kept(found, (id) => api.describe(id, crop)) : null;
    if (crop !== this.cropText || found !== this.portrait) return;
    this.frame = told?.frame ?? null;
    this.#tell("frame");
  }

  /**
   * Return a view of the portrait as a blob; `width` is its longest side, null the whole size.
   * `crop` is a frame as text, for downloads.
   */
  async picture(view, width, signal, format = null, crop = null) {
    return this.#kept(this.portrait, (id) => this.#picture(id, view, { width, crop }, signal, format));
  }

  async #picture(id, view, size, signal, format) {
    if (view === "result") return this.#result(id, size, signal, format);
    if (view !== "matte") return api.loadView(id, view === "fused" ? "alpha" : view, size, signal);
    const found = this.portrait;
    found.plain ??= (await api.cutAgain(id, { ...found.request.options, fusion: "none" })).id;
    return api.loadView(found.plain, "alpha", size, signal);
  }

  async #result(id, { width, crop: frame }, signal, format) {
    const { name, values, picture } = this.look;
    const asked = format ?? (width === null ? "png" : "jpeg");
    if (name === "background" && picture) {
      const person = await api.loadView(id, "cutout", { width, format: "png", crop: frame }, signal);
      return composeOver(person, picture, asked);
    }
    const { crop, ...whole } = values; // a preview must cover the photo
    const shown = width === null ? values : whole;
    const query = { width, format: asked, effect: api.effectText(name, shown), crop: frame };
    return api.loadView(id, name, query, signal);
  }

  /** Use a corrected matte, and store it as a training sample where asked. */
  async correct(png, asSample) {
    const done = busy(text("busy.save"));
    try {
      const found = await this.#kept(this.portrait, (id) => api.putMatte(id, png));
      if (asSample) await api.storeSample(found.id);
      found.request = { ...this.portrait.request, correction: png };
      await this.#accept(found, text("history.brush"), false);
    } finally {
      done();
    }
  }

  /** Use a portrait that `tryOptions` made. */
  async adopt(found, options, what) {
    this.options = { ...this.options, ...options };
    await this.#accept(found, what, false);
    this.#tell("options");
  }

  async #remember(what) {
    const { portrait, options, extras, look } = this;
    const small = await this.picture("result", 160);
    const entry = { what, portrait, options, extras, look, thumbnail: URL.createObjectURL(small) };
    this.history = [entry, ...this.history];
    for (const old of this.history.splice(HISTORY_LENGTH)) URL.revokeObjectURL(old.thumbnail);
    this.#tell("history");
  }

  /** Go back to what was done before; the server may have to cut again. */
  async goBack(entry) {
    const { portrait, options, extras, look } = entry;
    Object.assign(this, { portrait, options, extras, look });
    this.#turn += 1;
    this.#tell("options");
    this.#tell("extras");
    this.#tell("look");
    this.#tell("cut", { isNew: false });
    await this.render();
    await this.#findFrame();
    this.#tell("history");
  }

  /** The options without those that name a place in the photo. */
  get lastingOptions() {
    const { keep, drop, box, subject = "auto", ...rest } = this.options;
    const isPlace = /^\s*[-\d.]/.test(subject);
    return isPlace || subject === "auto" ? rest : { ...rest, subject };
  }

  #withoutFocus(values) {
    const { focus, ...rest } = values;
    return rest;
  }
}

/** Draw a person over a picture that covers the frame, as the effect background does. */
async function composeOver(person, picture, format) {
  const [front, behind] = await Promise.all([decodeImage(person), decodeImage(picture)]);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [front.naturalWidth, front.naturalHeight];
  const scale = Math.max(canvas.width / behind.naturalWidth, canvas.height / behind.naturalHeight);
  const [wide, tall] = [behind.naturalWidth * scale, behind.naturalHeight * scale];
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(behind, (canvas.width - wide) / 2, (canvas.height - tall) / 2, wide, tall);
  context.drawImage(front, 0, 0);
  for (const image of [front, behind]) URL.revokeObjectURL(image.src);
  return new Promise((resolve) => canvas.toBlob(resolve, `image/${format}`, 0.95));
}
