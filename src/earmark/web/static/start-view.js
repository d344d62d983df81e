// Everything but the results: the archive's facts, the start page, the wait, errors, and an empty answer.

import { find, icon, isolate, make } from "./dom.js";
import { formatDuration, t } from "./i18n.js";
import { searchFor } from "./search.js";
import { searchWord, writeFilters } from "./search-box.js";
import { state, watch } from "./state.js";

const FIRST_KEYWORDS = 40;

export function startStartView() {
  watch(["phase", "archive", "hits"], draw);
  watch(["archive"], ({ archive }) => {
    if (!archive) return;
    drawStart(archive);
    drawFacts(archive);
  });
  find("#all-keywords").addEventListener("click", () => drawKeywords(state.archive.keywords));
}

function draw({ phase, hits, failure }) {
  find("#start").hidden = phase !== "start";
  find("#results").hidden = !hits.length || phase === "start";
  find("#waiting").hidden = phase !== "searching" && phase !== "opening";
  find("#results").dataset.phase = phase;
  const empty = phase === "results" && !hits.length;
  find("#failure").hidden = phase !== "failed" && !empty;
  if (phase === "failed") drawFailure(failure);
  if (empty) drawEmpty(state);
}

function drawStart({ accepts_keywords, accepts_images, keywords, words }) {
  const how = accepts_keywords
    ? t(accepts_images ? "search.both" : "search.words")
    : accepts_images ? t("search.pictures") : "";
  find("#start-how").textContent = `${how} ${t("search.clips")}`.trim();
  find("#lexicon").hidden = !words.length;
  find("#lexicon h2").textContent = t("search.lexicon", { count: words.length });
  find("#lexicon ul").replaceChildren(...words.map(({ word }) => make("li", {}, wordButton(word))));
  find("#keywords").hidden = !accepts_keywords || !keywords.length;
  find("#keywords h2").textContent = t("search.keywords", { count: keywords.length });
  drawKeywords(keywords.slice(0, FIRST_KEYWORDS));
}

function drawKeywords(keywords) {
  find("#keywords ul").replaceChildren(...keywords.map((word) => make("li", {}, wordButton(word))));
  find("#all-keywords").hidden = keywords.length === state.archive.keywords.length;
}

function wordButton(word) {
  const button = make("button", { type: "button", class: "word" }, isolate(word));
  button.addEventListener("click", () => searchWord(word));
  return button;
}

const archiveFacts = ({ recordings, hours }) =>
  t("archive.facts", { recordings: t("count.recordings", { count: recordings }), time: formatDuration(3600 * hours) });

function expectedSentence({ learned_nothing, right_of_hundred }) {
  if (learned_nothing) return t("archive.learnedNothing");
  return right_of_hundred === null ? "" : t("archive.expected", { right: right_of_hundred });
}

function drawFacts(archive) {
  find("#archive-name").replaceChildren(isolate(archive.name));
  find("#archive-facts").textContent = archiveFacts(archive);
  find("#indexing").hidden = !archive.indexing;
  find("#expected").textContent = expectedSentence(archive);
  const facts = [
    [t("archive.model"), archive.model],
    [t("setting.licence"), archive.licence || t("archive.notStated")],
    [t("setting.consent"), archive.consent || t("archive.notStated")],
  ];
  const pairs = facts.map(([term, text]) => make("div", {}, make("dt", {}, term), make("dd", {}, isolate(text))));
  find("#provenance").replaceChildren(...pairs);
}

function drawFailure({ message, suggestions }) {
  find("#failure h2").textContent = t(suggestions.length ? "search.unknownWord" : "search.failed");
  find("#failure p").textContent = message;
  const retry = make("button", { type: "button" }, icon("retry"), t("search.retry"));
  retry.addEventListener("click", () => (state.request ? searchFor(state.request) : location.reload()));
  const choices = suggestions.length ? [make("span", {}, t("search.didYouMean")), ...suggestions.map(wordButton)] : [retry];
  find("#failure .choices").replaceChildren(...choices);
}

function drawEmpty({ name, unfinished, request }) {
  const filtered = Object.keys(request.filters).length > 0;
  find("#failure h2").textContent = t("search.nothing", { name });
  find("#failure p").textContent = unfinished
    ? t("search.unfinished", { count: unfinished })
    : t(filtered ? "search.nothingFiltered" : "search.nothingHint");
  const clear = make("button", { type: "button" }, t("filter.clear"));
  clear.addEventListener("click", () => {
    writeFilters({});
    searchFor({ ...request, filters: {} });
  });
  find("#failure .choices").replaceChildren(...(filtered ? [clear] : []));
}
