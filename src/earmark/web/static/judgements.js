// Judges, undoes, and brings every judgement to the server.
//
// What is not saved yet waits in this browser's own storage: a server that is gone, or a page that is closed, loses
// nothing. What waits is the verdict that a position is to have, so sending it twice does no harm and the last one counts.

import * as api from "./api.js";
import { goTo, goToNextUnjudged } from "./going.js";
import { change, changeHit, currentHit, state } from "./state.js";
import { WORDS } from "./i18n.js";

const AGAIN_MS = 500;
const LATEST_AGAIN_MS = 8000;
const SETTLED_MS = 400; // a boundary is saved when no key has moved it for so long

const waiting = new Map(); // position of a query -> the judgement it is to have
const ids = new Map(); // position of a query -> the id of the judgement it has
const unsure = new Map(); // position of a query -> a judgement that was sent when no answer came: it may be there or not
const done = []; // { before, after }: hits as they were, to be undone
let sending = false;
let whenSaved = () => {};

const keyOf = (query, position) => JSON.stringify([query, position]);

// `saved` is called whenever nothing waits any more.
export function onSaved(saved) {
  whenSaved = saved;
}

export function judgeCurrent(verdict) {
  const hit = currentHit();
  if (!hit) return;
  settle();
  remember(hit, { verdict });
  goToNextUnjudged();
}

// A boundary of a hit is somewhere else. Of a judged one that is saved, once it stays there.
let moving = null; // { before, timer }

export function moveBoundaries(hit, extent) {
  moving ??= { before: hit, timer: 0 };
  changeHit(hit.position, { ...extent, mine: true });
  clearTimeout(moving.timer);
  moving.timer = setTimeout(settle, SETTLED_MS);
}

export function settle() {
  if (!moving) return;
  const { before, timer } = moving;
  clearTimeout(timer);
  moving = null;
  const hit = state.hits.find(({ position }) => position === before.position);
  if (!hit) return;
  done.push({ query: state.query, before });
  if (hit.verdict) keep(hit);
}

export function undo() {
  settle();
  const last = done.findLastIndex(({ query }) => query === state.query);
  if (last === -1) return change({ spoken: WORDS.nothingToUndo });
  const [{ before }] = done.splice(last, 1);
  const index = state.hits.findIndex(({ position }) => position === before.position);
  const { verdict, start_s, end_s, mine } = before;
  const now = state.hits[index];
  count(now?.verdict, verdict);
  changeHit(before.position, { verdict, start_s, end_s, mine });
  if (verdict || now?.verdict) keep(before);
  if (index !== -1) goTo(index);
  change({ spoken: WORDS.undone(before.name) });
}

export const canUndo = () => done.some(({ query }) => query === state.query);

// The verdicts that the server does not know of yet, put over what it says.
export function withWaiting(query, hits) {
  return hits.map((hit) => {
    const kept = waiting.get(keyOf(query, hit.position));
    return kept ? { ...hit, verdict: kept.verdict, start_s: kept.start_s, end_s: kept.end_s } : hit;
  });
}

function remember(hit, parts) {
  done.push({ query: state.query, before: hit });
  count(hit.verdict, parts.verdict);
  changeHit(hit.position, parts);
  keep({ ...hit, ...parts });
}

function count(before, after) {
  const judged = { ...state.judged };
  if (before) judged[before] = Math.max(0, judged[before] - 1);
  if (after) judged[after] += 1;
  change({ judged });
}

function keep({ position, verdict, start_s, end_s, score }) {
  const { query } = state;
  const key = keyOf(query, position);
  waiting.set(key, { query, position, verdict, start_s, end_s, score, id: ids.get(key) });
  store();
  send();
}

async function send() {
  if (sending) return;
  sending = true;
  let pause_ms = AGAIN_MS;
  while (waiting.size) {
    const [key, judgement] = waiting.entries().next().value;
    try {
      const judged = await bring(key, judgement);
      if (waiting.get(key) === judgement) waiting.delete(key); // else it was changed meanwhile
      if (!waiting.size && judgement.query === state.query) change({ judged });
      change({ away: "" });
      pause_ms = AGAIN_MS;
    } catch (error) {
      if (error instanceof api.Refused) {
        waiting.delete(key);
        change({ trouble: error.message });
      } else {
        change({ away: error.message });
        toTheEnd(key); // so that one that can't be saved holds up no other
        await new Promise((resolve) => setTimeout(resolve, pause_ms));
        pause_ms = Math.min(LATEST_AGAIN_MS, 1.5 * pause_ms);
      }
    }
    store();
  }
  sending = false;
  whenSaved();
}

async function bring(key, { id, verdict, ...what }) {
  if (verdict) {
    unsure.set(key, { verdict, ...what });
    const saved = await api.judge({ ...what, verdict });
    unsure.delete(key);
    ids.set(key, saved.id);
    return saved.judged;
  }
  if (unsure.has(key)) await bring(key, unsure.get(key)); // judging it once more tells its id
  const known = ids.get(key) ?? id;
  if (known === undefined) return state.judged; // the server never heard of it
  const { judged } = await api.unjudge(known);
  ids.delete(key);
  return judged;
}

function toTheEnd(key) {
  const judgement = waiting.get(key);
  waiting.delete(key);
  waiting.set(key, judgement);
}

const storeName = () => `earmark waiting ${state.archive.name} ${state.archive.model}`;

function store() {
  change({ waiting: waiting.size });
  try {
    if (waiting.size) localStorage.setItem(storeName(), JSON.stringify([...waiting]));
    else localStorage.removeItem(storeName());
  } catch {
    // Without storage it still waits in this page.
  }
}

// What an earlier page could not bring.
export function resume() {
  try {
    for (const [key, judgement] of JSON.parse(localStorage.getItem(storeName()) ?? "[]")) waiting.set(key, judgement);
  } catch {
    // Nothing that could be read.
  }
  if (waiting.size) send();
  change({ waiting: waiting.size });
}
