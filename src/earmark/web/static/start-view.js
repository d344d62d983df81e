// What is there when there are no candidates: the welcome, the wait, what went wrong, and nothing found.

import { askWord } from "./search-box.js";
import { find, icon, make, name } from "./dom.js";
import { setFilters } from "./filters.js";
import { searchFor } from "./search.js";
import { state, whenever } from "./state.js";
import { WORDS } from "./i18n.js";

const SHOWN_AT_FIRST = 40;

export function startWelcome() {
  whenever(["phase", "archive", "hits"], draw);
  whenever(["archive"], ({ archive }) => archive && drawWelcome(archive));
  find("#all-keywords").addEventListener("click", () => drawKeywords(state.archive.keywords));
}

function draw({ phase, hits, failure }) {
  find("#welcome").hidden = phase !== "start";
  find("#found").hidden = !hits.length || phase === "start";
  find("#waiting").hidden = phase !== "asking" && phase !== "opening";
  find("#found").dataset.phase = phase;
  const empty = phase === "found" && !hits.length;
  find("#failure").hidden = phase !== "failed" && !empty;
  if (phase === "failed") drawFailure(failure);
  if (empty) drawNothing(state);
}

function drawWelcome({ accepts_keywords, accepts_images, keywords }) {
  find("#welcome-how").textContent = accepts_keywords
    ? accepts_images ? WORDS.startBoth : WORDS.startWords
    : WORDS.startPictures;
  find("#keywords").hidden = !accepts_keywords || !keywords.length;
  find("#keywords h2").textContent = WORDS.knows(keywords.length);
  drawKeywords(keywords.slice(0, SHOWN_AT_FIRST));
}

function drawKeywords(keywords) {
  find("#keywords ul").replaceChildren(...keywords.map((word) => make("li", {}, wordButton(word))));
  find("#all-keywords").hidden = keywords.length === state.archive.keywords.length;
}

function wordButton(word) {
  const button = make("button", { type: "button", class: "word" }, name(word));
  button.addEventListener("click", () => askWord(word));
  return button;
}

function drawFailure({ sentence, nearest }) {
  find("#failure h2").textContent = nearest.length ? WORDS.unknown : WORDS.failed;
  find("#failure p").textContent = sentence;
  const again = make("button", { type: "button" }, icon("again"), WORDS.again);
  again.addEventListener("click", () => (state.asked ? searchFor(state.asked) : location.reload()));
  const choices = nearest.length ? [make("span", {}, WORDS.nearest), ...nearest.map(wordButton)] : [again];
  find("#failure .choices").replaceChildren(...choices);
}

function drawNothing({ name: called, note, asked }) {
  const filtered = Object.keys(asked.filters).length > 0;
  find("#failure h2").textContent = WORDS.nothing(called);
  find("#failure p").textContent = note || (filtered ? WORDS.nothingFiltered : WORDS.nothingHint);
  const clear = make("button", { type: "button" }, WORDS.clearFilters);
  clear.addEventListener("click", () => {
    setFilters({});
    searchFor({ ...asked, filters: {} });
  });
  find("#failure .choices").replaceChildren(...(filtered ? [clear] : []));
}
