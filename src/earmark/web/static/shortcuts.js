// Judging without a mouse. The keys mean nothing while something is typed, and can be turned off.

import { listen } from "./hit-view.js";
import { find, make } from "./dom.js";
import { goTo } from "./going.js";
import { judgeCurrent, undo } from "./judgements.js";
import { state } from "./state.js";
import { WORDS } from "./i18n.js";

const OFF = "earmark keys off";
const TYPED_INTO = "input:not([type=checkbox]), textarea, select, [contenteditable]";
const PRESSED = "button, a, summary, [role=option]"; // what the space bar already does something to

const dialog = find("#keys");

const meanings = {
  j: () => goTo(state.current + 1),
  k: () => goTo(state.current - 1),
  " ": listen,
  y: () => judgeCurrent("yes"),
  n: () => judgeCurrent("no"),
  r: () => judgeCurrent("related"),
  u: undo,
  "/": () => find("#word").focus(),
  "?": () => dialog.showModal(),
};

export function startKeys() {
  document.addEventListener("keydown", pressed);
  // A button that was clicked lets go of the keyboard, so that space listens and doesn't press it again.
  find("#bench").addEventListener("click", (event) => {
    if (event.detail) event.target.closest("button")?.blur();
  });
  find("#show-keys").addEventListener("click", () => dialog.showModal());
  find("#keys-on").addEventListener("change", ({ target }) => localStorage.setItem(OFF, target.checked ? "" : "yes"));
  find("#keys-on").checked = areOn();
  find("#key-list").append(...WORDS.keys.flatMap(([keys, meaning]) => [
    make("dt", {}, ...keys.map((key) => make("kbd", {}, key))),
    make("dd", {}, meaning),
  ]));
}

const areOn = () => localStorage.getItem(OFF) !== "yes";

function pressed(event) {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || dialog.open) return;
  if (target.closest(TYPED_INTO)) return;
  if (key === " " && target.closest(PRESSED)) return;
  const meaning = meanings[key.toLowerCase()];
  if (!meaning || (!areOn() && key !== "?")) return;
  event.preventDefault();
  meaning();
}
