// The keywords that go on from what is typed, below the box, to be chosen with a key, a mouse or a finger.

import { find, make, name } from "./dom.js";
import { suggest } from "./spelling.js";
import { state } from "./state.js";

const MOST = 8;

const box = find("#word");
const list = find("#suggestions");
let marked = -1;

// `choose(word)` is called with the keyword that was taken.
export function startSuggestions(choose) {
  box.addEventListener("input", offer);
  box.addEventListener("blur", closeSuggestions);
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing) return;
    if (step && list.hidden) offer();
    if (step && !list.hidden) mark(marked + step);
    else if (event.key === "Escape" && !list.hidden) closeSuggestions();
    else if (event.key === "Enter" && marked >= 0) choose(list.children[marked].textContent);
    else return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the keyboard
  list.addEventListener("click", ({ target }) => {
    const option = target.closest("[role=option]");
    if (option) choose(option.textContent);
  });
}

function offer() {
  const found = suggest(box.value, state.archive?.keywords ?? [], MOST);
  list.replaceChildren(...found.map((word, i) => make("li", { role: "option", id: `option-${i}` }, name(word))));
  list.hidden = !found.length;
  box.setAttribute("aria-expanded", !list.hidden);
  mark(-1);
}

export function closeSuggestions() {
  list.hidden = true;
  box.setAttribute("aria-expanded", false);
  mark(-1);
}

function mark(index) {
  const count = list.children.length;
  marked = index < -1 ? count - 1 : index >= count ? -1 : index;
  [...list.children].forEach((option, i) => option.setAttribute("aria-selected", i === marked));
  if (marked >= 0) box.setAttribute("aria-activedescendant", `option-${marked}`);
  else box.removeAttribute("aria-activedescendant");
}
