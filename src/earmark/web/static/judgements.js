// Judges, undoes, and saves every judgement at the server.
//
// Judgements that are not saved yet are queued in this browser's storage, so that a server that is gone or a page that is
// closed loses nothing. The queue holds the verdict that a hit is to have: sending it twice does no harm, the last counts.

import * as api from "./api.js";
import { mayRetry } from "./http.js";
import { t } from "./i18n.js";
import { goTo, goToNextUnjudged } from "./results-list.js";
import { currentHit, state, update, updateHit } from "./state.js";

const RETRY_MS = 500;
const MAX_RETRY_MS = 8000;
const BOUNDARY_DELAY_MS = 400; // a boundary is saved when it has not moved for so long

// All by query and position of a hit.
const queue = new Map(); // judgement that the hit is to have
const ids = new Map(); // id of its judgement at the server
const unanswered = new Map(); // judgement that was sent without an answer: the server may have it or not
const history = []; // { query, before }: hits as they were, to be undone
let sending = false;
let reportSaved = () => {};

const keyOf = (query, position) => JSON.stringify([query, position]);

// `report` is called whenever the queue is empty.
export function onSaved(report) {
  reportSaved = report;
}

export function judgeCurrent(verdict) {
  const hit = currentHit();
  if (!hit) return;
  saveBoundaries();
  history.push({ query: state.query, before: hit });
  updateCounts(hit.verdict, verdict);
  updateHit(hit.position, { verdict });
  enqueue({ ...hit, verdict });
  goToNextUnjudged();
}

let moving = null; // { before, timer }: the hit whose boundaries are being moved

export function moveBoundaries(hit, extent) {
  moving ??= { before: hit, timer: 0 };
  updateHit(hit.position, { ...extent, edited: true });
  clearTimeout(moving.timer);
  moving.timer = setTimeout(saveBoundaries, BOUNDARY_DELAY_MS);
}

// Boundaries of an unjudged hit are saved with its verdict.
export function saveBoundaries() {
  if (!moving) return;
  const { before, timer } = moving;
  clearTimeout(timer);
  moving = null;
  const hit = state.hits.find(({ position }) => position === before.position);
  if (!hit) return;
  history.push({ query: state.query, before });
  if (hit.verdict) enqueue(hit);
}

export function undo() {
  saveBoundaries();
  const last = history.findLastIndex(({ query }) => query === state.query);
  if (last === -1) return update({ announcement: t("judge.nothingToUndo") });
  const [{ before }] = history.splice(last, 1);
  const index = state.hits.findIndex(({ position }) => position === before.position);
  const { verdict, start_s, end_s, edited, opinions } = before;
  const after = state.hits[index];
  updateCounts(after?.verdict, verdict);
  updateHit(before.position, { verdict, start_s, end_s, edited, opinions });
  if (verdict || after?.verdict) enqueue(before);
  if (index !== -1) goTo(index);
  update({ announcement: t("judge.undone", { name: before.name }) });
}

export const canUndo = () => history.some(({ query }) => query === state.query);

// Hits of the server, with the verdicts that it does not have yet.
export function withUnsaved(query, hits) {
  return hits.map((hit) => {
    const queued = queue.get(keyOf(query, hit.position));
    return queued ? { ...hit, verdict: queued.verdict, start_s: queued.start_s, end_s: queued.end_s } : hit;
  });
}

function updateCounts(before, after) {
  const judged = { ...state.judged };
  if (before) judged[before] = Math.max(0, judged[before] - 1);
  if (after) judged[after] += 1;
  update({ judged });
}

function enqueue({ position, verdict, start_s, end_s, score }) {
  const { query, judge } = state;
  const key = keyOf(query, position);
  queue.set(key, { query, position, verdict, start_s, end_s, score, judge, id: ids.get(key) });
  store();
  send();
}

async function send() {
  if (sending) return;
  sending = true;
  let pause_ms = RETRY_MS;
  while (queue.size) {
    const [key, judgement] = queue.entries().next().value;
    try {
      const judged = await save(key, judgement);
      if (queue.get(key) === judgement) queue.delete(key); // else it was changed meanwhile
      if (!queue.size && judgement.query === state.query) update({ judged });
      update({ offline: "" });
      pause_ms = RETRY_MS;
    } catch (error) {
      if (!mayRetry(error)) {
        queue.delete(key);
        update({ problem: error.message });
      } else {
        update({ offline: error.message });
        moveToEnd(key); // one that can't be saved must not hold up the others
        await new Promise((resolve) => setTimeout(resolve, pause_ms));
        pause_ms = Math.min(MAX_RETRY_MS, 1.5 * pause_ms);
      }
    }
    store();
  }
  sending = false;
  reportSaved();
}

async function save(key, { id, verdict, ...judgement }) {
  if (verdict) {
    unanswered.set(key, { verdict, ...judgement });
    const saved = await api.judge({ ...judgement, verdict });
    unanswered.delete(key);
    ids.set(key, saved.id);
    if (judgement.query === state.query) updateHit(judgement.position, { opinions: saved.opinions });
    return saved.judged;
  }
  if (unanswered.has(key)) await save(key, unanswered.get(key)); // sending it once more returns its id
  const known = ids.get(key) ?? id;
  if (known === undefined) return state.judged; // the server never had it
  const { judged } = await api.deleteJudgement(known);
  ids.delete(key);
  return judged;
}

function moveToEnd(key) {
  const judgement = queue.get(key);
  queue.delete(key);
  queue.set(key, judgement);
}

const storageKey = () => `earmark unsaved ${state.archive.name} ${state.archive.model}`;

function store() {
  update({ unsaved: queue.size });
  try {
    if (queue.size) localStorage.setItem(storageKey(), JSON.stringify([...queue]));
    else localStorage.removeItem(storageKey());
  } catch {
    // Without storage the queue is in this page alone.
  }
}

// Sends what an earlier page could not save.
export function resumeSaving() {
  try {
    for (const [key, judgement] of JSON.parse(localStorage.getItem(storageKey()) ?? "[]")) queue.set(key, judgement);
  } catch {
    // Nothing that can be read.
  }
  if (queue.size) send();
  update({ unsaved: queue.size });
}
