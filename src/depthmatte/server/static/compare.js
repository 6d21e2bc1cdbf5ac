// All fusions of the open photo side by side, to choose one.

import { byId, busy, make, openDialog } from "./dom.js";
import { loadView } from "./api.js";
import { text, textOf } from "./texts.js";

const TILE_SIDE = 480;

/** Cut with every fusion and show the mattes; `use` gets the portrait and the fusion's name. */
export async function compareFusions(studio, fusions, use) {
  const current = studio.options.fusion ?? studio.schema.options.properties.fusion?.default;
  const told = studio.schema.options.properties.fusion.description.split("; ");
  const helpOf = (name) => told.find((part) => part.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
  const tiles = fusions.map((name) => {
    const image = make("img", { alt: "", width: 4, height: 3 });
    const button = make("button", {
      type: "button", className: "button", disabled: true,
      textContent: name === current ? text("compare.current") : text("compare.use", { name }),
    });
    const note = make("p", { className: "hint", textContent: helpOf(name) });
    const tile = make("figure", { className: "fusion", attributes: { "aria-busy": "true" } }, image,
      make("figcaption", {}, make("h3", { textContent: name }), note, button));
    return { name, tile, image, button, note };
  });
  byId("fusions").replaceChildren(...tiles.map((one) => one.tile));
  let isOpen = true;
  openDialog(byId("compare-dialog"), () => (isOpen = false));
  const done = busy(text("busy.compare"));
  try {
    for (const one of tiles) {
      if (!isOpen) return;
      await fillTile(studio, one, current, use);
    }
  } finally {
    done();
  }
}

async function fillTile(studio, { name, tile, image, button, note }, current, use) {
  try {
    const found = name === current ? studio.portrait : await studio.tryOptions({ fusion: name });
    const matte = await loadView(found.id, "alpha", { width: TILE_SIDE });
    image.src = URL.createObjectURL(matte);
    image.alt = `${textOf("view.fused")}: ${name}`;
    image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
    button.disabled = name === current;
    button.addEventListener("click", () => {
      byId("compare-dialog").close();
      use(found, name);
    });
  } catch (error) {
    note.textContent = text("compare.failed", { reason: error.message });
  } finally {
    tile.removeAttribute("aria-busy");
  }
}
