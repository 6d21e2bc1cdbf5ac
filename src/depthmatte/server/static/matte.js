// A matte that is painted on: strokes add, remove or soften; each stroke can be undone.

const UNDO_BYTES = 64 << 20;
const SPACING = 0.25; // between dabs, as a share of the radius
const HARD_SHARE = 0.6; // of the radius, inside which the tip is full
const MIN_SOFTEN_RADIUS_PX = 2;

/** Values of the sheet of strokes: where the user said what a pixel is. */
export const KEPT = 1;
export const DROPPED = 2;

/** The opacity of every pixel, 0 to 255, row by row, with its history of strokes. */
export class PaintedMatte {
  #undo = [];
  #redo = [];
  #stroke = null;

  /** `strokes` holds what was painted before: KEPT, DROPPED or 0 for each pixel. */
  constructor(levels, width, height, strokes = new Uint8ClampedArray(levels.length)) {
    Object.assign(this, { levels, width, height, strokes });
  }

  get hasStrokes() {
    return this.strokes.some((value) => value !== 0);
  }

  get isChanged() {
    return this.#undo.length > 0;
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  /** Start a stroke of the mode add, remove or soften with a round tip. */
  begin(mode, radius) {
    this.#stroke = { mode, radius: Math.max(0.5, radius), before: this.#sheets.map((sheet) => sheet.slice()), box: null, last: null };
  }

  /** Draw the stroke to a point in pixels; returns the box that changed, or null. */
  to(x, y) {
    const stroke = this.#stroke;
    if (!stroke) return null;
    const from = stroke.last ?? { x, y };
    const length = Math.hypot(x - from.x, y - from.y);
    const count = Math.max(1, Math.ceil(length / Math.max(1, stroke.radius * SPACING)));
    let changed = null;
    for (let step = stroke.last ? 1 : 0; step <= count; step += 1) {
      const share = step / count;
      const dab = this.#dab(from.x + (x - from.x) * share, from.y + (y - from.y) * share);
      changed = union(changed, dab);
      if (!stroke.last && length === 0) break;
    }
    stroke.last = { x, y };
    stroke.box = union(stroke.box, changed);
    return changed;
  }

  /** End the stroke and remember it. */
  end() {
    const stroke = this.#stroke;
    this.#stroke = null;
    if (!stroke?.box) return;
    const { box } = stroke;
    const part = (sheets) => sheets.map((sheet) => cut(sheet, this.width, box));
    this.#undo.push({ box, before: part(stroke.before), after: part(this.#sheets) });
    this.#redo = [];
    const bytes = (one) => 4 * one.before[0].length;
    let held = this.#undo.reduce((sum, one) => sum + bytes(one), 0);
    while (held > UNDO_BYTES && this.#undo.length > 1) held -= bytes(this.#undo.shift());
  }

  /** Take the stroke back that has begun; returns the box that changed. */
  cancel() {
    const stroke = this.#stroke;
    this.#stroke = null;
    if (!stroke?.box) return null;
    this.#paste(stroke.box, stroke.before.map((sheet) => cut(sheet, this.width, stroke.box)));
    return stroke.box;
  }

  undo() {
    const one = this.#undo.pop();
    if (!one) return null;
    this.#redo.push(one);
    this.#paste(one.box, one.before);
    return one.box;
  }

  redo() {
    const one = this.#redo.pop();
    if (!one) return null;
    this.#undo.push(one);
    this.#paste(one.box, one.after);
    return one.box;
  }

  get #sheets() {
    return [this.levels, this.strokes];
  }

  #paste(box, parts) {
    this.#sheets.forEach((sheet, index) => paste(sheet, this.width, box, parts[index]));
  }

  /** Apply the tip once around a point; returns its box, null outside the picture. */
  #dab(x, y) {
    const { mode, radius } = this.#stroke;
    const box = {
      left: Math.max(0, Math.floor(x - radius)), top: Math.max(0, Math.floor(y - radius)),
      right: Math.min(this.width, Math.ceil(x + radius) + 1),
      bottom: Math.min(this.height, Math.ceil(y + radius) + 1),
    };
    if (box.left >= box.right || box.top >= box.bottom) return null;
    const smooth = mode === "soften" ? this.#blurred(box, Math.max(MIN_SOFTEN_RADIUS_PX, radius / 4)) : null;
    for (let row = box.top, k = 0; row < box.bottom; row += 1) {
      for (let column = box.left; column < box.right; column += 1, k += 1) {
        const tip = tipWeight(Math.hypot(column - x, row - y) / radius);
        if (tip <= 0) continue;
        const place = row * this.width + column;
        const level = this.levels[place];
        if (mode !== "soften" && tip >= 0.5) this.strokes[place] = mode === "add" ? KEPT : DROPPED;
        if (mode === "add") this.levels[place] = Math.max(level, 255 * tip);
        else if (mode === "remove") this.levels[place] = Math.min(level, 255 * (1 - tip));
        else this.levels[place] = level + (smooth[k] - level) * tip;
      }
    }
    return box;
  }

  /** Return the mean around each pixel of a box, with a square window, in two passes. */
  #blurred(box, radius) {
    const reach = Math.round(radius);
    const outer = {
      left: Math.max(0, box.left - reach), top: Math.max(0, box.top - reach),
      right: Math.min(this.width, box.right + reach), bottom: Math.min(this.height, box.bottom + reach),
    };
    const [wide, tall] = [outer.right - outer.left, outer.bottom - outer.top];
    const sums = new Float64Array((wide + 1) * (tall + 1)); // summed area table
    for (let row = 0; row < tall; row += 1) {
      let line = 0;
      for (let column = 0; column < wide; column += 1) {
        line += this.levels[(outer.top + row) * this.width + outer.left + column];
        sums[(row + 1) * (wide + 1) + column + 1] = sums[row * (wide + 1) + column + 1] + line;
      }
    }
    const smooth = new Float32Array((box.right - box.left) * (box.bottom - box.top));
    for (let row = box.top, k = 0; row < box.bottom; row += 1) {
      const top = Math.max(outer.top, row - reach) - outer.top;
      const bottom = Math.min(outer.bottom, row + reach + 1) - outer.top;
      for (let column = box.left; column < box.right; column += 1, k += 1) {
        const left = Math.max(outer.left, column - reach) - outer.left;
        const right = Math.min(outer.right, column + reach + 1) - outer.left;
        const at = (r, c) => sums[r * (wide + 1) + c];
        const sum = at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left);
        smooth[k] = sum / ((bottom - top) * (right - left));
      }
    }
    return smooth;
  }
}

/** Weight of the tip at a distance in radii: full inside, then a smooth fall to 0. */
function tipWeight(distance) {
  if (distance <= HARD_SHARE) return 1;
  if (distance >= 1) return 0;
  const share = (1 - distance) / (1 - HARD_SHARE);
  return share * share * (3 - 2 * share);
}

function union(a, b) {
  if (!a || !b) return a ?? b;
  return {
    left: Math.min(a.left, b.left), top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom),
  };
}

function cut(levels, width, { left, top, right, bottom }) {
  const part = new Uint8ClampedArray((right - left) * (bottom - top));
  for (let row = top, k = 0; row < bottom; row += 1, k += right - left) {
    part.set(levels.subarray(row * width + left, row * width + right), k);
  }
  return part;
}

function paste(levels, width, { left, top, right, bottom }, part) {
  for (let row = top, k = 0; row < bottom; row += 1, k += right - left) {
    levels.set(part.subarray(k, k + right - left), row * width + left);
  }
}
