// Status of the judging: precision so far, whether everything is saved, problems, and announcements.

import { find, make } from "./dom.js";
import { t } from "./i18n.js";
import { watch } from "./state.js";

const ANNOUNCEMENTS = 3;

export function startStatus() {
  watch(["judged"], drawPrecision);
  watch(["unsaved", "offline", "judged"], drawSaved);
  watch(["problem"], ({ problem }) => showMessage(find("#problem"), problem));
  watch(["announcement"], ({ announcement }) => announce(announcement));
}

function drawPrecision({ judged }) {
  find("#precision").textContent = precision(judged);
  const total = judged.yes + judged.related + judged.no;
  for (const part of document.querySelectorAll("#bar > *")) {
    part.style.width = `${total ? (100 * judged[part.dataset.verdict]) / total : 0}%`;
  }
}

function precision({ yes, related, no }) {
  const total = yes + related + no;
  if (!total) return t("judge.none");
  const counts = { yes, related, total, percent: Math.round((100 * yes) / total) };
  return t(related ? "judge.precisionRelated" : "judge.precision", counts);
}

function drawSaved({ unsaved, offline, judged }) {
  const any = judged.yes + judged.related + judged.no > 0;
  find("#saved").textContent = unsaved ? t("judge.saving") : any ? t("judge.saved") : "";
  find("#saved").dataset.unsaved = unsaved > 0;
  showMessage(find("#offline"), offline && unsaved ? `${offline} ${t("judge.kept", { count: unsaved })}` : "");
}

// Keeps the last few sentences, so that a screen reader skips none that another follows at once.
function announce(sentence) {
  const list = find("#announcements");
  list.append(make("p", {}, sentence));
  if (list.children.length > ANNOUNCEMENTS) list.firstChild.remove();
}

function showMessage(element, sentence) {
  element.textContent = sentence;
  element.hidden = !sentence;
}
