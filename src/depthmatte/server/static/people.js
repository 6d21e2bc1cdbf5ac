// The people found, outlined on the photo: tap one to cut out, and the mark of the focus.

import { byId, draw } from "./dom.js";
import { text } from "./texts.js";

const LEAST_SHARE = 0.05; // of the largest person; less is a hand or a crumb of the matte

/** Return the people without parts that are too small to be chosen. */
export function wholePeople(people) {
  const largest = Math.max(0, ...people.map((person) => person.share));
  return people.filter((person) => person.share >= LEAST_SHARE * largest);
}

/** Draw the outlines; `choose` is called with the number of a person and a point inside. */
export function showPeople(people, chosen, choose) {
  const sheet = byId("people");
  sheet.replaceChildren(
    ...people.map((person, index) => {
      const values = { number: index + 1, count: people.length };
      const pick = () => choose(index, { x: person.point[0], y: person.point[1] });
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

const pathOf = (person) =>
  person.outline.map((ring) => `M${ring.map((point) => point.join(" ")).join("L")}Z`).join("");
