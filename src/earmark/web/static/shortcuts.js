// Keyboard shortcuts. They do nothing while something is typed, and can be turned off.

import { find, make } from "./dom.js";
import { togglePlay } from "./hit-view.js";
import { t } from "./i18n.js";
import { judgeCurrent, undo } from "./judgements.js";
import { keyOf } from "./keyboard.js";
import { goTo } from "./results-list.js";
import { state } from "./state.js";

const OFF = "earmark shortcuts off";
const TEXT_INPUT = "input:not([type=checkbox]), textarea, select, [contenteditable]";
const PRESSABLE = "button, a, summary, [role=option]"; // the space bar presses these

const dialog = find("#shortcuts");

const actions = {
  j: () => goTo(state.current + 1),
  k: () => goTo(state.current - 1),
  " ": togglePlay,
  y: () => judgeCurrent("yes"),
  n: () => judgeCurrent("no"),
  r: () => judgeCurrent("related"),
  u: undo,
  "/": () => find("#word").focus(),
  "?": () => dialog.showModal(),
};

export function startShortcuts() {
  document.addEventListener("keydown", pressed);
  // A clicked button loses focus, so that the space bar plays and does not press it again.
  find("#hit").addEventListener("click", (event) => {
    if (event.detail) event.target.closest("button")?.blur();
  });
  find("#show-shortcuts").addEventListener("click", () => dialog.showModal());
  find("#shortcuts-on").addEventListener("change", ({ target }) => localStorage.setItem(OFF, target.checked ? "" : "yes"));
  find("#shortcuts-on").checked = areOn();
  find("#shortcut-list").append(...listed().flatMap(([keys, meaning]) => [
    make("dt", { dir: "ltr" }, ...keys.map((key) => make("kbd", {}, key))),
    make("dd", {}, meaning),
  ]));
}

const listed = () => [
  [["J"], t("keys.next")],
  [["K"], t("keys.previous")],
  [[t("keys.space")], t("keys.play")],
  [["Y"], t("keys.yes")],
  [["N"], t("keys.no")],
  [["R"], t("keys.related")],
  [["U"], t("keys.undo")],
  [["←", "→"], t("keys.move")],
  [["/"], t("keys.type")],
  [["?"], t("keys.show")],
];

const areOn = () => localStorage.getItem(OFF) !== "yes";

function pressed(event) {
  const { target } = event;
  const key = keyOf(event);
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || dialog.open) return;
  if (target.closest(TEXT_INPUT)) return;
  if (key === " " && target.closest(PRESSABLE)) return;
  const action = actions[key];
  if (!action || (!areOn() && key !== "?")) return;
  event.preventDefault();
  action();
}
