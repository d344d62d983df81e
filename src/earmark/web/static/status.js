// How the judging goes: the running precision, and whether everything is saved.

import { find, make } from "./dom.js";
import { state, whenever } from "./state.js";
import { WORDS } from "./i18n.js";

const SPOKEN = 3;

export function startProgress() {
  whenever(["judged"], drawPrecision);
  whenever(["waiting", "away", "judged"], drawSaved);
  whenever(["trouble"], ({ trouble }) => tell(find("#trouble"), trouble));
  whenever(["spoken"], ({ spoken }) => speak(spoken));
}

function drawPrecision({ judged }) {
  find("#precision").textContent = WORDS.precision(judged);
  const all = judged.yes + judged.related + judged.no;
  for (const part of document.querySelectorAll("#bar > *")) {
    part.style.width = `${all ? (100 * judged[part.dataset.verdict]) / all : 0}%`;
  }
}

function drawSaved({ waiting, away, judged }) {
  const any = judged.yes + judged.related + judged.no > 0;
  find("#saved").textContent = waiting ? WORDS.saving : any ? WORDS.saved : "";
  find("#saved").dataset.waiting = waiting > 0;
  tell(find("#away"), away && waiting ? WORDS.kept(waiting, away) : "");
}

// One sentence after the other, so that a screen reader skips none that another follows at once.
function speak(sentence) {
  const place = find("#aloud");
  place.append(make("p", {}, sentence));
  if (place.children.length > SPOKEN) place.firstChild.remove();
}

function tell(place, sentence) {
  place.textContent = sentence;
  place.hidden = !sentence;
}
