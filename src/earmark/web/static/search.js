// Runs a search, and repeats it when judgements may have changed the order of the hits.

import * as api from "./api.js";
import { t } from "./i18n.js";
import { saveBoundaries, withUnsaved } from "./judgements.js";
import { stop } from "./player.js";
import { currentHit, state, update } from "./state.js";

const TOP = 50;
const RERANK_AFTER = 3; // judgements
const MIXED = "earmark mixed";

let latest = new AbortController();
let judgedAtRanking = 0; // judgements when the list was put in its order

const judgedCount = () => state.judged.yes + state.judged.related + state.judged.no;

// `request`: { query, filters }, or { image, filters } with a file.
export async function searchFor(request) {
  saveBoundaries();
  stop();
  latest.abort();
  latest = new AbortController();
  update({ request, phase: "searching", failure: null, problem: "", announcement: t("search.searching") });
  try {
    const { signal } = latest;
    const { query, ...parameters } = parametersOf(request);
    const response = request.image
      ? await api.searchImage(request.image, parameters, signal)
      : await api.search({ query, ...parameters }, signal);
    showResults(response);
  } catch (error) {
    if (error.name === "AbortError") return;
    const failure = { message: error.message, suggestions: error.suggestions ?? [] };
    update({ phase: "failed", hits: [], current: -1, failure });
  }
}

// Re-ranks the unjudged hits; judged ones and the current one stay where they are.
export async function repeatSearch() {
  if (state.phase !== "results" || Math.abs(judgedCount() - judgedAtRanking) < RERANK_AFTER) return;
  const { query, request, judged } = state;
  try {
    const { hits, left, pays, threshold } = await api.search(parametersOf({ ...request, query }), latest.signal);
    if (state.request !== request || state.judged !== judged) return; // outdated
    judgedAtRanking = judgedCount();
    const merged = merge(state.hits, currentHit()?.position, withUnsaved(query, hits));
    const changed = merged.some(({ position }, i) => position !== state.hits[i]?.position);
    update({ hits: merged, left, pays, threshold, ...(changed && { reordered: true, announcement: t("hits.reordered") }) });
  } catch {
    // The order stays. If the server is gone, the saving of judgements reports it.
  }
}

// Whether the list mixes in hits that teach most; the choice is kept in this browser.
export async function setMixed(mixed) {
  update({ mixed });
  try {
    localStorage.setItem(MIXED, mixed);
  } catch {
    // Without storage the choice is this page's alone.
  }
  if (state.phase !== "results") return;
  judgedAtRanking = -Infinity;
  await repeatSearch();
}

export function restoreMixed() {
  try {
    update({ mixed: localStorage.getItem(MIXED) !== "false" });
  } catch {
    // Without storage it is on.
  }
}

function merge(displayed, currentPosition, ranked) {
  const known = new Map(displayed.map((hit) => [hit.position, hit]));
  const isFixed = (hit) => hit.verdict || hit.position === currentPosition;
  const fixed = new Set(displayed.filter(isFixed).map((hit) => hit.position));
  const rest = ranked
    .filter((hit) => !fixed.has(hit.position))
    // With boundaries that were moved already.
    .map((hit) => (hit.verdict ? hit : { ...hit, ...known.get(hit.position), teaches: hit.teaches }));
  const merged = [];
  for (const hit of displayed) {
    if (isFixed(hit)) merged.push(hit);
    else if (rest.length) merged.push(rest.shift());
  }
  return [...merged, ...rest];
}

// Similarity to a spoken example has no rate of false alarms.
function parametersOf({ query, filters: { fa_per_hour, ...filters } }) {
  const hasRates = !/^(example|clip):/.test(query);
  return { query, top: TOP, mixed: state.mixed, ...filters, ...(hasRates && { fa_per_hour }) };
}

// A picture, a clip or a place of the archive has no name of its own.
function nameOf(query, name) {
  if (query.startsWith("image:")) return t("query.aPicture");
  if (query.startsWith("clip:")) return t("query.aClip");
  if (query.startsWith("example:")) return t("query.example", { position: query.slice("example:".length) });
  return name;
}

function showResults({ query, hits, judged, unfinished, left, pays, threshold, ...response }) {
  const name = nameOf(query, response.name);
  const withVerdicts = withUnsaved(query, hits);
  const first = withVerdicts.findIndex((hit) => !hit.verdict);
  const count = withVerdicts.length;
  update({
    phase: "results",
    query,
    name,
    unfinished,
    judged,
    left,
    pays,
    threshold,
    hits: withVerdicts,
    current: count ? Math.max(0, first) : -1,
    reordered: false,
    offline: "",
    announcement: count ? t("hits.announcement", { count, name }) : t("search.nothing", { name }),
  });
  judgedAtRanking = judgedCount();
}
