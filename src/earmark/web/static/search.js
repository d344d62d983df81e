// Searches, and searches again when judgements have changed what is likely.

import * as api from "./api.js";
import { settle, withWaiting } from "./judgements.js";
import { stop } from "./player.js";
import { change, currentHit, state } from "./state.js";
import { WORDS } from "./i18n.js";

const TOP = 50;
const AGAIN_AFTER = 3; // judgements

let latest = new AbortController();
let judgedThen = 0; // how many were judged when the list was put in its order

const judgedNow = () => state.judged.yes + state.judged.related + state.judged.no;

// `asked`: { query, filters }, or { picture, filters } with a picture file.
export async function searchFor(asked) {
  settle();
  stop();
  latest.abort();
  latest = new AbortController();
  change({ asked, phase: "asking", failure: null, trouble: "", spoken: WORDS.looking });
  try {
    const { signal } = latest;
    const { query, ...parameters } = parametersOf(asked);
    const answer = asked.picture
      ? await api.searchPicture(asked.picture, parameters, signal)
      : await api.search({ query, ...parameters }, signal);
    show(answer);
  } catch (error) {
    if (error.name !== "AbortError") fail(error);
  }
}

// The rest of the list in the order that the judgements suggest; whatever is judged, and the current one, stay put.
export async function searchAgain() {
  if (state.phase !== "found" || Math.abs(judgedNow() - judgedThen) < AGAIN_AFTER) return;
  const { query, asked, judged } = state;
  const { picture, ...rest } = asked;
  try {
    const { hits } = await api.search(parametersOf({ ...rest, query }), latest.signal);
    if (state.asked !== asked || state.judged !== judged) return; // it answers what is no longer asked
    judgedThen = judgedNow();
    const merged = merge(state.hits, currentHit()?.position, withWaiting(query, hits));
    const changed = merged.some(({ position }, i) => position !== state.hits[i]?.position);
    change({ hits: merged, ...(changed && { reordered: true, spoken: WORDS.reordered }) });
  } catch {
    // The order stays as it was. Whether the server is there is told where judgements are saved.
  }
}

export function merge(shown, currentPlace, fresh) {
  const known = new Map(shown.map((hit) => [hit.position, hit]));
  const stays = (hit) => hit.verdict || hit.position === currentPlace;
  const staying = new Set(shown.filter(stays).map((hit) => hit.position));
  const rest = fresh
    .filter((hit) => !staying.has(hit.position))
    .map((hit) => (hit.verdict ? hit : (known.get(hit.position) ?? hit))); // with boundaries that were moved already
  const merged = [];
  for (const hit of shown) {
    if (stays(hit)) merged.push(hit);
    else if (rest.length) merged.push(rest.shift());
  }
  return [...merged, ...rest];
}

// How alike two sounds are tells nothing of false alarms.
function parametersOf({ query, filters: { fa_per_hour, ...filters } }) {
  return { query, top: TOP, ...filters, ...(!query?.startsWith("example:") && { fa_per_hour }) };
}

function show({ query, name, hits, judged, note }) {
  const found = withWaiting(query, hits);
  const first = found.findIndex((hit) => !hit.verdict);
  change({
    phase: "found",
    query,
    name,
    note,
    judged,
    hits: found,
    current: found.length ? Math.max(0, first) : -1,
    reordered: false,
    away: "",
    spoken: found.length ? WORDS.foundAloud(found.length, name) : WORDS.nothing(name),
  });
  judgedThen = judgedNow();
}

function fail(error) {
  const nearest = error.suggestions ?? [];
  change({ phase: "failed", hits: [], current: -1, failure: { sentence: error.message, nearest } });
}
