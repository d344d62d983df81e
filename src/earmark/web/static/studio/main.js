// Starts the studio: reads the project and the catalogue, draws the navigation, and opens the step that the address names.
//
// A step is a module `step-NAME.js` that exports `render(root, context)`: it fills `root`, an empty element, and may
// return a promise. `context` has
//   t(key, values), formatNumber, formatDuration   text in the page's language
//   http            get, post, put, remove, upload
//   project         the last answer of /api/studio
//   refresh()       reads the project anew and redraws the navigation
//   go(name, ...)   opens another step, or a part of one
//   path            what follows the step's name in the address, in parts: #pictures/wall/dog
//   problem(text)   shows what went wrong, until `problem("")` or another step; takes an Error, too
//   notice(text)    shows a sentence
//   announce(text)  says a sentence to screen readers alone
//   onLeave(end)    calls `end()` before another step is opened
//   isOpen()        whether the step is still the one on the screen

import { find, icon, isolate, make } from "../dom.js";
import * as http from "../http.js";
import { currentLanguage, formatDuration, formatNumber, t } from "../i18n.js";
import { startLanguage } from "../language-menu.js";

const START = "start";
const ANNOUNCEMENTS = 3;

let project = null;
let leaving = [];
let visit = 0;

async function start() {
  await Promise.all([readProject(), startLanguage(() => { drawFrame(); open(); })]);
  drawFrame();
  addEventListener("hashchange", open);
  await open();
  document.body.dataset.started = ""; // for tests: from here on all that is typed is answered
}

async function readProject() {
  project = await http.get("/api/studio");
  return project;
}

async function refresh() {
  await readProject();
  drawFrame();
  return project;
}

const names = () => [START, ...project.steps.map(({ name }) => name)];

const addressParts = () => location.hash.slice(1).split("/").map(decodeURIComponent);

function openName() {
  const [name] = addressParts();
  return names().includes(name) ? name : START;
}

async function open() {
  const name = openName();
  for (const end of leaving.splice(0)) end();
  showProblem("");
  showNotice("");
  visit += 1;
  drawNavigation();
  const context = contextOf(visit);
  const root = make("div", { class: `step ${name}` });
  find("#step").replaceChildren(root);
  document.title = name === START ? `${project.name} – Earmark` : `${t(`step.${name}`)} – ${project.name}`;
  try {
    const { render } = await import(`./step-${name}.js`);
    if (context.isOpen()) await render(root, context);
  } catch (error) {
    showProblem(error);
  }
}

function contextOf(number) {
  const isOpen = () => visit === number;
  return {
    t, formatNumber, formatDuration, http, refresh, announce, isOpen,
    get project() { return project; },
    get language() { return currentLanguage(); },
    path: addressParts().slice(1),
    go: (...parts) => { location.hash = parts.map(encodeURIComponent).join("/"); },
    problem: (what) => isOpen() && showProblem(what),
    notice: (text) => isOpen() && showNotice(text),
    onLeave: (end) => leaving.push(end),
  };
}

function drawFrame() {
  find("#skip").textContent = t("page.skip");
  find("#project-name").textContent = project.name;
  find("#to-start").title = t("step.start");
  find("#steps").setAttribute("aria-label", t("page.steps"));
  drawNavigation();
}

function drawNavigation() {
  const here = openName();
  const links = project.steps.map((step, i) => {
    const words = make("span", { class: "words" }, make("b", {}, t(`step.${step.name}`)), make("small", {}, stateText(step)));
    return make("li", { "data-progress": step.progress, "data-next": step.name === project.next && step.progress !== "done" ? "true" : null }, make(
      "a",
      { href: `#${step.name}`, "aria-current": here === step.name ? "step" : null },
      make("span", { class: "badge", "aria-hidden": "true" }, icon(step.progress === "done" ? "yes" : step.name)),
      make("span", { class: "hidden-label" }, t("page.stepNumber", { number: i + 1 })),
      words,
    ));
  });
  find("#steps ol").replaceChildren(...links);
  drawNext();
  find("#steps [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

// Below each step that is begun is the way to the one after it; the wall has its own way on.
function drawNext() {
  const at = project.steps.findIndex(({ name }) => name === openName());
  const [here, following] = [project.steps[at], project.steps[at + 1]];
  const isOffered = at >= 0 && following && here.progress !== "open" && addressParts()[1] !== "wall";
  find("#following").replaceChildren(isOffered
    ? make("a", { href: `#${following.name}`, class: here.progress === "done" ? "button main" : "button" }, icon(following.name), t("start.next", { step: t(`step.${following.name}`) }))
    : "");
}

function stateText({ name, progress }) {
  if (progress === "done") return t("progress.done");
  if (name === project.next) return t("progress.next");
  return progress === "started" ? t("progress.started") : "";
}

function showProblem(what) {
  const text = what instanceof Error ? what.message : what;
  if (what instanceof Error && !(what instanceof http.RequestError || what instanceof http.ServerUnavailable)) console.error(what);
  find("#problem").replaceChildren(isolate(text));
  find("#problem").hidden = !text;
  if (text) find("#problem").scrollIntoView({ block: "nearest" });
}

function showNotice(text) {
  find("#notice").textContent = text;
  find("#notice").hidden = !text;
}

// Keeps the last few sentences, so that a screen reader skips none that another follows at once.
function announce(sentence) {
  const list = find("#announcements");
  list.append(make("p", {}, sentence));
  if (list.children.length > ANNOUNCEMENTS) list.firstChild.remove();
}

start().catch(showProblem);
