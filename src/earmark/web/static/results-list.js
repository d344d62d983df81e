// The ranked hits, one row each, and the moves from hit to hit.

import { getCurve, getPeaks, segmentAround } from "./api.js";
import { find, formatTime, icon, isolate, make } from "./dom.js";
import { formatScore, t } from "./i18n.js";
import { currentHit, state, update, watch } from "./state.js";
import { drawSound, onRedraw } from "./waveform.js";

const MARGIN_S = 1;
const COLUMNS = 60;

const rows = new Map(); // position of a hit -> row
const list = find("#list ol");
const visible = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) target.load();
  }
});

export function startResultsList() {
  list.addEventListener("keydown", moveByArrows);
  watch(["query"], clear);
  watch(["hits", "current", "phase"], draw);
  watch(["name", "hits", "phase", "reordered", "unfinished"], drawHeader);
}

export function goTo(index) {
  const { length } = state.hits;
  if (!length) return;
  update({ current: Math.max(0, Math.min(length - 1, index)) });
  const hit = currentHit();
  const facts = { rank: state.current + 1, total: length, name: hit.name, time: formatTime(hit.time_s) };
  const announcement = hit.verdict
    ? t("hits.atJudged", { ...facts, verdict: t(`judge.verdict.${hit.verdict}`) })
    : t("hits.at", facts);
  update({ announcement });
}

// Forward from the current hit, then from the top.
export function goToNextUnjudged() {
  const { length } = state.hits;
  const order = Array.from({ length }, (_, step) => (state.current + 1 + step) % length);
  const next = order.find((index) => !state.hits[index].verdict);
  if (next === undefined) update({ announcement: t("judge.allJudged") });
  else goTo(next);
}

// Whether a person set or accepted the extent of a hit.
export const isConfirmed = (hit) => Boolean(hit.edited) || hit.verdict === "yes" || hit.verdict === "related";

function clear() {
  for (const row of rows.values()) visible.unobserve(row.canvas);
  rows.clear();
  list.replaceChildren();
}

function draw({ phase, hits, current }) {
  find("#list").setAttribute("aria-busy", phase === "searching");
  const wanted = hits.map((hit) => rowOf(hit));
  const inOrder = wanted.length === list.children.length && wanted.every(({ item }, i) => item === list.children[i]);
  if (!inOrder) list.replaceChildren(...wanted.map(({ item }) => item));
  wanted.forEach((row, i) => row.show(hits[i], i + 1, i === current));
}

function rowOf(hit) {
  if (!rows.has(hit.position)) rows.set(hit.position, makeRow(hit.position));
  return rows.get(hit.position);
}

function makeRow(position) {
  const rank = make("span", { class: "rank" });
  const time = make("span", { class: "time" });
  const file = make("span", { class: "file", dir: "auto" });
  const canvas = make("canvas", { "aria-hidden": "true" });
  const score = make("span", { class: "score" });
  const verdict = make("span", { class: "verdict" });
  const button = make("button", { type: "button" }, rank, time, file, canvas, score, verdict);
  const item = make("li", {}, button);
  let hit = null;
  let drawing = null;

  const paint = () => drawing && drawSound(canvas, { ...drawing, extent: hit, confirmed: isConfirmed(hit) });
  canvas.load = async () => {
    if (drawing) return;
    const view = segmentAround(hit, MARGIN_S);
    const { recording, channel } = hit;
    const request = getCurve(state.query, position).catch(() => null);
    const peaks = await getPeaks(recording, channel, view.start_s, view.end_s, COLUMNS).catch(() => null);
    if (!peaks) return; // tried again when it becomes visible again
    const curve = await request;
    drawing = { view, peaks, curve: curve?.curve.length ? curve : null };
    paint();
  };
  visible.observe(canvas);
  onRedraw(canvas, paint);
  button.addEventListener("click", () => goTo(state.hits.findIndex((other) => other.position === position)));

  const show = (displayed, number, isCurrent) => {
    if (isCurrent && button.getAttribute("aria-current") !== "true") scrollIntoList(item);
    button.setAttribute("aria-current", isCurrent);
    button.tabIndex = isCurrent ? 0 : -1;
    rank.textContent = number;
    if (displayed === hit) return;
    hit = displayed;
    time.textContent = formatTime(hit.time_s);
    file.replaceChildren(isolate(hit.name));
    score.textContent = formatScore(hit.score);
    score.setAttribute("aria-label", t("hit.score", { score: formatScore(hit.score) }));
    item.dataset.verdict = hit.verdict ?? (hit.teaches ? "teaches" : "");
    const mark = hit.teaches ? [t("judge.teaches")] : [];
    verdict.replaceChildren(...(hit.verdict ? [icon(hit.verdict), t(`judge.verdict.${hit.verdict}`)] : mark));
    paint();
  };
  return { item, canvas, show };
}

function scrollIntoList(item) {
  if (list.scrollHeight <= list.clientHeight) return; // on a phone the page scrolls, and is left where it is
  const above = item.offsetTop - list.offsetTop - list.scrollTop;
  if (above < 0 || above + item.offsetHeight > list.clientHeight) {
    list.scrollTop += above - (list.clientHeight - item.offsetHeight) / 3;
  }
}

function moveByArrows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  goTo(state.current + step);
  list.children[state.current]?.firstChild.focus({ preventScroll: true });
}

function drawHeader({ phase, hits, name, unfinished, reordered }) {
  const header = find("#list h2");
  if (phase === "searching") header.replaceChildren(t("search.searching"));
  else header.replaceChildren(isolate(name), make("span", { class: "count" }, t("hits.count", { count: hits.length })));
  find("#note").textContent = phase === "results" && unfinished ? t("search.unfinished", { count: unfinished }) : "";
  find("#reordered").textContent = phase === "results" && reordered ? t("hits.reorderedMark") : "";
}
