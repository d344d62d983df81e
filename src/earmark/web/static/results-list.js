// The ranked candidates, one row each.

import { clock } from "./clock.js";
import { find, icon, make, name } from "./dom.js";
import { goTo } from "./going.js";
import { around, curveOf, peaksOf } from "./sights.js";
import { state, whenever } from "./state.js";
import { drawSound, redrawn } from "./waveform.js";
import { WORDS } from "./i18n.js";

const MARGIN_S = 1;
const COLUMNS = 60;

const rows = new Map(); // position -> row
const list = find("#list ol");
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) target.look();
  }
});

export function startList() {
  list.addEventListener("keydown", moveByArrows);
  whenever(["query"], forget);
  whenever(["hits", "current", "phase"], draw);
  whenever(["name", "hits", "phase", "reordered", "note"], drawHead);
}

function forget() {
  for (const row of rows.values()) seen.unobserve(row.canvas);
  rows.clear();
  list.replaceChildren();
}

function draw({ phase, hits, current }) {
  find("#list").setAttribute("aria-busy", phase === "asking");
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
  const file = make("span", { class: "file" });
  const canvas = make("canvas", { "aria-hidden": "true" });
  const score = make("span", { class: "score" });
  const verdict = make("span", { class: "verdict" });
  const button = make("button", { type: "button" }, rank, time, file, canvas, score, verdict);
  const item = make("li", {}, button);
  let shown = null;
  let sight = null;

  const paint = () => sight && drawSound(canvas, { ...sight, extent: shown, yours: isYours(shown) });
  canvas.look = async () => {
    if (sight) return;
    const view = around(shown, MARGIN_S);
    const { recording, channel } = shown;
    const curve = curveOf(state.query, position).catch(() => null);
    const peaks = await peaksOf(recording, channel, view.start_s, view.end_s, COLUMNS).catch(() => null);
    if (!peaks) return; // looked at again when it comes into sight anew
    const found = await curve;
    sight = { view, peaks, curve: found?.curve.length ? found : null };
    paint();
  };
  seen.observe(canvas);
  redrawn(canvas, paint);
  button.addEventListener("click", () => goTo(state.hits.findIndex((hit) => hit.position === position)));

  const show = (hit, at, isCurrent) => {
    if (isCurrent && button.getAttribute("aria-current") !== "true") keepInSight(item);
    button.setAttribute("aria-current", isCurrent);
    button.tabIndex = isCurrent ? 0 : -1;
    rank.textContent = at;
    if (hit === shown) return;
    time.textContent = clock(hit.time_s);
    file.replaceChildren(name(hit.name));
    score.textContent = hit.score.toFixed(2);
    score.setAttribute("aria-label", WORDS.score(hit.score.toFixed(2)));
    item.dataset.verdict = hit.verdict ?? "";
    verdict.replaceChildren(...(hit.verdict ? [icon(hit.verdict), WORDS.verdicts[hit.verdict]] : []));
    shown = hit;
    paint();
  };
  return { item, canvas, show };
}

export const isYours = (hit) => Boolean(hit.mine) || hit.verdict === "yes" || hit.verdict === "related";

function keepInSight(item) {
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

function drawHead({ phase, hits, name: called, note, reordered }) {
  const head = find("#list h2");
  if (phase === "asking") head.replaceChildren(WORDS.looking);
  else head.replaceChildren(name(called), make("span", { class: "count" }, WORDS.found(hits.length)));
  find("#note").textContent = phase === "found" ? note : "";
  find("#reordered").textContent = phase === "found" && reordered ? WORDS.reorderedMark : "";
}
