// The studio page: puts stage, panel, brush, camera and keyboard together.

import { setHooks } from "./api.js";
import { Brush } from "./brush.js";
import { takePhoto } from "./camera.js";
import { buildSegments, checkSegment } from "./controls.js";
import { announce, byId, hideProblem, icon, make, openDialog, showProblem } from "./dom.js";
import { runLive } from "./live.js";
import { Marks, placeBox } from "./marks.js";
import { Panel } from "./panel.js";
import { personAt, showFocus, showPeople, wholePeople } from "./people.js";
import { Stage } from "./stage.js";
import { Studio } from "./studio.js";
import { fillTexts, loadTexts, text } from "./texts.js";

const TOOLS = ["compare", "focus", "subject", "brush", "mark"];
const VIEWS = ["result", "fused", "matte", "prob", "depth", "depth_prob"];
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const THEME_SLOT = "depthmatte-theme";
const KEYS = [
  ["O", "help.open"], ["Ctrl V", "help.paste"], ["1 2 3 4 5", "help.tools"], ["V", "help.view"],
  ["B", "help.hold"], ["Ctrl Z / Ctrl Y", "help.undo"], ["[ ]", "help.size"], ["+ − 0", "help.zoom"],
  ["← ↑ → ↓", "help.arrows"], ["Enter", "help.tap"],
];

await loadTexts();
fillTexts();
document.title = text("app.title");
for (const node of document.querySelectorAll("[data-icon]")) node.prepend(icon(node.dataset.icon));

const studio = new Studio();
const stage = new Stage();
new Panel(studio, run);
const brush = new Brush(studio, stage, run);
const marks = new Marks(studio, stage, run);
let number = -1; // of the chosen person

/** Run an action of the user and tell its problem. */
async function run(action) {
  hideProblem();
  try {
    await action();
  } catch (error) {
    if (error.name === "AbortError") return;
    console.warn(error);
    showProblem(error.status ? text("problem.failed", { reason: error.message }) : error.message);
  }
}

setHooks({
  waiting: (seconds) => announce(text("busy.wait", { seconds })),
  askKey: () => new Promise((resolve) => {
    const dialog = byId("key-dialog");
    dialog.returnValue = "";
    openDialog(dialog, () => {
      resolve(dialog.returnValue === "use" ? byId("key").value : null);
      byId("key").value = "";
    });
  }),
});

// Photos: pick, drop, paste, camera, live

async function openPhoto(file) {
  if (!file) return;
  leaveBrush();
  await run(async () => {
    await schemaLoaded;
    await studio.open(file, file.name);
  });
}

function pickPhoto() {
  byId("file").value = "";
  byId("file").click();
}

for (const id of ["open", "start-open"]) byId(id).addEventListener("click", pickPhoto);
for (const id of ["camera", "start-camera"]) {
  byId(id).addEventListener("click", () => run(async () => openPhoto(await takePhoto())));
}
byId("file").addEventListener("change", () => openPhoto(byId("file").files[0]));
byId("live").addEventListener("click", () => run(async () => {
  await schemaLoaded;
  await openPhoto(await runLive(studio.schema, studio.look, studio.lastingOptions));
}));

let dragDepth = 0;
addEventListener("dragenter", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  dragDepth += 1;
  byId("drop").hidden = false;
});
addEventListener("dragleave", () => {
  dragDepth = Math.max(0, dragDepth - 1);
  byId("drop").hidden = dragDepth === 0;
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  dragDepth = 0;
  byId("drop").hidden = true;
  openPhoto([...event.dataTransfer.files][0]);
});
addEventListener("paste", (event) => {
  if (event.target.matches?.("input, textarea")) return;
  openPhoto([...(event.clipboardData?.files ?? [])].find((file) => file.type.startsWith("image/")));
});

// Views and tools

function buildBars() {
  buildSegments(byId("views"), "view", VIEWS.map((value) => (
    { value, label: text(`view.short.${value}`), hint: text(`view.${value}`) })), "result", showView);
  buildSegments(byId("tools"), "tool", TOOLS.map((value) => (
    { value, label: text(`tool.${value}`), hint: text(`tool.${value}.hint`) })), "compare", setTool, icon);
}

function showView(view) {
  checkSegment("view", view);
  announce(text("done.view", { view: text(`view.${view}`) }));
  return run(() => studio.setView(view));
}

function setTool(tool) {
  if (tool !== "brush") leaveBrush();
  checkSegment("tool", tool);
  stage.setTool(tool);
  byId("brush-controls").hidden = tool !== "brush";
  byId("brush-start").hidden = tool === "brush";
  byId("marks-controls").hidden = tool !== "mark";
  byId("marks-start").hidden = tool === "mark";
  byId("tool-hint").hidden = tool === "compare";
  byId("tool-hint").textContent = text(`tool.${tool}.hint`);
  if (tool === "subject") run(showEverybody);
  if (tool === "mark") {
    byId("marks-card").open = true;
    marks.show();
  }
  if (tool === "brush") {
    byId("brush-card").open = true;
    stage.holdBefore(true);
    run(() => brush.begin());
  }
}

function leaveBrush() {
  if (stage.tool !== "brush") return;
  brush.discard();
  stage.holdBefore(false);
}

byId("brush-start").addEventListener("click", () => setTool("brush"));
byId("marks-start").addEventListener("click", () => setTool("mark"));
byId("brush-discard").addEventListener("click", () => setTool("compare"));
byId("brush-controls").addEventListener("saved", () => setTool("compare"));

stage.tools.focus = { tap: (point) => run(() => setFocus(point)) };
stage.tools.subject = {
  tap: (point, target) => run(() => chooseSubject(personAt(target), point)),
};

async function setFocus(point) {
  const { width, height } = studio.portrait;
  const share = (value, side) => Math.min(1, Math.max(0, (value + 0.5) / side)).toFixed(4);
  const place = `(${share(point.x, width)},${share(point.y, height)})`;
  const { effects } = studio.schema;
  const name = "focus" in effects[studio.look.name].properties
    ? studio.look.name
    : Object.keys(effects).find((one) => "focus" in effects[one].properties);
  showFocus(point, studio.portrait);
  const values = name === studio.look.name ? studio.look.values : {};
  await studio.setLook({ name, values: { ...values, focus: place } });
  announce(text("done.focus"));
}

async function chooseSubject(index, point) {
  const subject = `${Math.round(point.x)},${Math.round(point.y)}`;
  await studio.setOptions({ ...studio.options, subject }, text("history.subject"));
  number = index;
  await showEverybody();
  announce(index < 0 ? text("done.subject_point") : text("done.subject", { number: index + 1 }));
}

async function showEverybody() {
  if (studio.view !== "result") await studio.setView("result");
  const choose = (index, point) => run(() => chooseSubject(index, point));
  showPeople(wholePeople(await studio.everybody()), number, choose);
}

// What the studio tells

studio.addEventListener("schema", buildBars);
studio.addEventListener("opened", () => {
  number = -1;
  setTool("compare");
  showFocus(null);
  stage.showPhoto(studio.photoUrl, studio.photo.name, studio.portrait);
});
studio.addEventListener("cut", ({ detail }) => {
  const { width, height } = studio.portrait;
  const people = wholePeople(studio.portrait.people);
  showInfo(width, height);
  const key = people.length === 0 ? "none" : (people.length === 1 ? "one" : "many");
  if (detail.isNew) announce(text(`done.cut.${key}`, { count: people.length }));
});
studio.addEventListener("look", () => {
  checkSegment("view", studio.view);
  if (!studio.look.values.focus) showFocus(null);
});
studio.addEventListener("view", () => checkSegment("view", studio.view));
studio.addEventListener("picture", ({ detail }) => stage.showPicture(detail.blob, detail.view, studio.photo.name));
studio.addEventListener("frame", showFrame);
studio.addEventListener("expired", () => announce(text("history.expired")));

/** Show where the frame of downloads lies. */
function showFrame() {
  const { frame, portrait } = studio;
  byId("crop-frame").hidden = !frame;
  if (frame) placeBox(byId("crop-frame"), frame, portrait.width, portrait.height);
}

function showInfo(width, height) {
  const { sources, timings } = studio.portrait;
  const ms = Math.round(Object.values(timings).reduce((sum, one) => sum + one, 0));
  const parts = [text("info.size", { width, height })];
  if (sources.depth !== "none") parts.push(text("info.depth", { source: sources.depth }));
  if (ms) parts.push(text("info.time", { ms }));
  byId("info").textContent = parts.join(" · ");
}

// Keyboard, theme, help

addEventListener("keydown", (event) => {
  if (event.target.matches?.("input:not([type=radio],[type=range],[type=checkbox]), select, textarea")) return;
  if (document.querySelector("dialog[open]") || event.altKey) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key === "z" || key === "y") {
      event.preventDefault();
      const tool = stage.tool === "mark" ? marks : brush;
      if (key === "y" || event.shiftKey) tool.redo();
      else tool.undo();
    } else if (key === "o") {
      event.preventDefault();
      pickPhoto();
    }
    return;
  }
  if (key === "o") pickPhoto();
  else if (key === "?") openDialog(byId("help-dialog"));
  else if (!studio.isOpen) return;
  else if ("12345".includes(key)) setTool(TOOLS[Number(key) - 1]);
  else if (key === "v") showView(VIEWS[(VIEWS.indexOf(studio.view) + 1) % VIEWS.length]);
  else if (key === "b") stage.holdBefore(true);
  else if (key === "[" || key === "]") brush.resize(key === "]" ? 1 : -1);
});
addEventListener("keyup", (event) => {
  if (event.key.toLowerCase() === "b" && stage.tool !== "brush") stage.holdBefore(false);
});

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

byId("theme").addEventListener("click", () => {
  const isDark = getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
  const theme = isDark ? "light" : "dark";
  setTheme(theme);
  localStorage.setItem(THEME_SLOT, theme);
});
setTheme(localStorage.getItem(THEME_SLOT));
byId("help").addEventListener("click", () => openDialog(byId("help-dialog")));
byId("problem-close").addEventListener("click", hideProblem);
byId("keys").append(...KEYS.flatMap(([keys, what]) => [
  make("dt", {}, ...keys.split(" / ").map((one) => make("kbd", { textContent: one }))),
  make("dd", { textContent: text(what) }),
]));
byId("private").textContent = LOOPBACK.test(location.hostname)
  ? text("start.local") : text("start.remote", { host: location.host });

addEventListener("pagehide", () => studio.forgetAll());

stage.setTool("compare");
const schemaLoaded = studio.loadSchema();
schemaLoaded.catch((error) => showProblem(text("problem.no_schema", { reason: error.message })));
document.documentElement.dataset.ready = "true";
