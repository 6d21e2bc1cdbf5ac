// The people found, outlined on the photo: tap one to cut out, and the mark of the focus.

import { byId, draw } from "./dom.js";
import { text } from "./texts.js";

/** Draw the outlines; `choose` is called with the number of a person and a point inside. */
export function showPeople(people, chosen, choose) {
  const sheet = byId("people");
  sheet.replaceChildren(
    ...people.map((person, index) => {
      const values = { number: index + 1, count: people.length };
      const pick = () => choose(index, pointInside(person));
      const group = draw("g", {
        class: "person", role: "button", tabindex: "0", "data-person": index,
        "aria-label": text(index === nearest(people) ? "person.label_depth" : "person.label", values),
        "aria-pressed": String(index === chosen),
      }, draw("path", { d: pathOf(person), "fill-rule": "evenodd", "vector-effect": "non-scaling-stroke" }));
      group.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        pick();
      });
      group.addEventListener("click", (event) => event.detail === 0 && pick());
      return group;
    }),
  );
}

/** Return the number of the person at an element of the drawing, -1 for none. */
export const personAt = (target) => Number(target?.closest?.(".person")?.dataset.person ?? -1);

/** Put the mark of the focus at a point of the photo; null takes it away. */
export function showFocus(point, size) {
  const mark = byId("focus-mark");
  mark.hidden = !point;
  if (!point) return;
  mark.style.left = `${(100 * (point.x + 0.5)) / size.width}%`;
  mark.style.top = `${(100 * (point.y + 0.5)) / size.height}%`;
}

function nearest(people) {
  const depths = people.map((person) => person.depth);
  if (people.length < 2 || depths.some((depth) => typeof depth !== "number")) return -1;
  return depths.indexOf(Math.min(...depths));
}

/** The rings of a person; one ring may stand without a list around it. */
function ringsOf(person) {
  const outline = person.outline ?? [];
  const rings = typeof outline[0]?.[0] === "number" ? [outline] : outline;
  if (rings.length) return rings;
  const [left, top, right, bottom] = person.box;
  return [[[left, top], [right, top], [right, bottom], [left, bottom]]];
}

const pathOf = (person) =>
  ringsOf(person).map((ring) => `M${ring.map((point) => point.join(" ")).join("L")}Z`).join("");

/** Return a point inside a person: the middle of the widest run across the largest ring. */
function pointInside(person) {
  const rings = ringsOf(person);
  const ring = rings.reduce((a, b) => (area(b) > area(a) ? b : a));
  const tops = ring.map((point) => point[1]);
  const [low, high] = [Math.min(...tops), Math.max(...tops)];
  let best = { width: -1, x: ring[0][0], y: ring[0][1] };
  for (let step = 1; step < 16; step += 1) {
    const y = low + ((high - low) * step) / 16;
    const cuts = rings.flatMap((one) => crossings(one, y)).sort((a, b) => a - b);
    for (let k = 0; k + 1 < cuts.length; k += 2) {
      const width = cuts[k + 1] - cuts[k];
      if (width > best.width) best = { width, x: (cuts[k] + cuts[k + 1]) / 2, y };
    }
  }
  return { x: best.x, y: best.y };
}

function crossings(ring, y) {
  return ring.flatMap(([x1, y1], index) => {
    const [x2, y2] = ring[(index + 1) % ring.length];
    return y1 > y === y2 > y ? [] : [x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)];
  });
}

function area(ring) {
  return Math.abs(ring.reduce((sum, [x1, y1], index) => {
    const [x2, y2] = ring[(index + 1) % ring.length];
    return sum + x1 * y2 - x2 * y1;
  }, 0)) / 2;
}
