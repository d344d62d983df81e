// The current hit: its facts, its sound with the boundaries of the word, and the buttons to judge it.

import { getCurve, getPeaks, getRecording, segmentAround } from "./api.js";
import { find, formatTime, icon, isolate, make } from "./dom.js";
import { formatNumber, formatScore, t } from "./i18n.js";
import { canUndo, judgeCurrent, moveBoundaries, saveBoundaries, undo } from "./judgements.js";
import { playHit, playRecording, stop } from "./player.js";
import { goTo, isConfirmed } from "./results-list.js";
import { searchByExample } from "./search-box.js";
import { makeDraggable, makeSlider } from "./slider.js";
import { currentHit, state, watch } from "./state.js";
import { drawSound, onRedraw } from "./waveform.js";

const MARGIN_S = 2;
const COLUMNS = 600;
const LABEL_PX = 110;
const MIN_EXTENT_S = 0.02;
const MS = 1000;
const NO_CURVE = { times_s: [], curve: [] };

const track = find("#sound");
const canvas = find("#sound canvas");
let boundaries = null;
let drawing = null; // { position, view, peaks, curve } of the current hit

export function startHitView() {
  boundaries = startBoundaries();
  watch(["hits", "current"], () => {
    const hit = currentHit();
    find("#hit").hidden = !hit;
    if (!hit) return;
    drawText(hit);
    if (drawing?.position !== hit.position) load(hit);
    paint();
    boundaries.show(hit);
  });
  watch(["offline"], ({ offline }) => !offline && currentHit() && !drawing?.peaks && load(currentHit()));
  watch(["playing"], drawPlaying);
  onRedraw(canvas, () => {
    paint();
    drawTimes();
  });
  track.addEventListener("click", playFromClick);
  find("#previous").addEventListener("click", () => goTo(state.current - 1));
  find("#next").addEventListener("click", () => goTo(state.current + 1));
  find("#play").addEventListener("click", togglePlay);
  find("#undo").addEventListener("click", undo);
  find("#more-like-this").addEventListener("click", () => searchByExample(currentHit()));
  for (const button of document.querySelectorAll("[data-judge]")) {
    button.addEventListener("click", () => judgeCurrent(button.dataset.judge));
  }
}

// Plays the current hit, or stops.
export function togglePlay() {
  if (state.playing) stop();
  else if (currentHit()) playHit(currentHit());
}

export function movePlayhead(seconds) {
  const playhead = find("#playhead");
  const hit = currentHit();
  const here = seconds !== null && drawing && hit && state.playing?.recording === hit.recording;
  const share = here ? (seconds - drawing.view.start_s) / (drawing.view.end_s - drawing.view.start_s) : -1;
  playhead.hidden = share < 0 || share > 1;
  playhead.style.left = `${100 * share}%`;
}

async function load(hit) {
  const view = segmentAround(hit, MARGIN_S);
  drawing = { position: hit.position, view, peaks: null, curve: null };
  drawTimes();
  find("#no-waveform").hidden = true;
  const show = (parts) => {
    const current = currentHit();
    if (drawing?.position !== hit.position || current?.position !== hit.position) return; // another hit by now, or none
    Object.assign(drawing, parts);
    drawTimes();
    paint();
    boundaries.show(current);
  };
  getCurve(state.query, hit.position).then((curve) => show({ curve }), () => show({ curve: NO_CURVE }));
  getPeaks(hit.recording, hit.channel, view.start_s, view.end_s, COLUMNS).then(
    (peaks) => show({ peaks, view: { ...view, end_s: peaks.end_s } }), // the recording may end sooner
    () => { if (drawing?.position === hit.position) find("#no-waveform").hidden = false; },
  );
}

function paint() {
  const hit = currentHit();
  if (!hit || drawing?.position !== hit.position) return;
  const curve = drawing.curve ?? NO_CURVE; // keeps its room while it loads
  const none = drawing.curve && !curve.curve.length;
  find(".key.curve").hidden = Boolean(none);
  drawSound(canvas, { ...drawing, curve: none ? null : curve, extent: hit, confirmed: isConfirmed(hit) });
}

function drawText(hit) {
  find("#rank").textContent = t("hits.rank", { rank: state.current + 1, total: state.hits.length });
  find("#hit h2").replaceChildren(isolate(hit.name));
  find("#hit-time").textContent = formatTime(hit.time_s);
  drawFacts(hit);
  find("#score").textContent = t("hit.score", { score: formatScore(hit.score) });
  const isKnown = typeof hit.probability === "number" && !hit.verdict;
  find("#probability").textContent = isKnown ? t("hit.probability", { percent: formatNumber(Math.round(100 * hit.probability)) }) : "";
  find("#opinions").textContent = hit.opinions?.length ? disagreement(hit.opinions) : "";
  find("#extent-key").textContent = t(isConfirmed(hit) ? "hit.confirmed" : "hit.found");
  find("#extent-key").dataset.confirmed = isConfirmed(hit);
  canvas.setAttribute("aria-label", t("hit.waveform", { start: formatTime(hit.start_s), end: formatTime(hit.end_s) }));
  find("#previous").disabled = state.current === 0;
  find("#next").disabled = state.current === state.hits.length - 1;
  find("#undo").disabled = !canUndo();
  for (const button of document.querySelectorAll("[data-judge]")) {
    button.setAttribute("aria-pressed", button.dataset.judge === hit.verdict);
  }
}

function disagreement(opinions) {
  const said = opinions.map(({ judge, verdict }) =>
    t("judge.opinion", { name: judge || t("judge.noName"), verdict: t(`judge.verdict.${verdict}`) }));
  return t("judge.disagreement", { opinions: said.join(t("page.listSeparator")) });
}

function drawFacts(hit) {
  const facts = [
    [t("filter.folder"), hit.folder],
    [t("hit.channel"), hit.channels > 1 ? t("hit.channelNumber", { number: hit.channel }) : ""],
    [t("filter.speaker"), hit.speaker],
    [t("filter.date"), hit.date],
    [t("filter.language"), hit.language],
  ].filter(([, text]) => text);
  const pair = ([term, text]) => make("div", {}, make("dt", { class: "hidden-label" }, term), make("dd", {}, isolate(text)));
  find("#facts").replaceChildren(...facts.map(pair));
}

function drawTimes() {
  if (!drawing) return;
  const { start_s, end_s } = drawing.view;
  const length_s = end_s - start_s;
  const step_s = [0.5, 1, 2, 5, 10, 30, 60].find((step) => (canvas.clientWidth * step) / length_s > LABEL_PX) ?? 120;
  const labels = [];
  for (let at = Math.ceil(start_s / step_s) * step_s; at < end_s; at += step_s) {
    const label = make("span", {}, formatTime(at, step_s < 1 ? 1 : 0));
    label.style.left = `${(100 * (at - start_s)) / length_s}%`;
    labels.push(label);
  }
  find("#times").replaceChildren(...labels);
}

const secondsAt = (x) => {
  const { start_s, end_s } = drawing.view;
  return start_s + (x / track.clientWidth) * (end_s - start_s);
};

async function playFromClick(event) {
  const hit = currentHit();
  if (!hit || !drawing || event.target.closest("[role=slider]")) return;
  const from_s = secondsAt(event.clientX - track.getBoundingClientRect().left);
  const { duration_s } = await getRecording(hit.recording).catch(() => ({ duration_s: drawing.view.end_s }));
  playRecording(hit.recording, hit.channel, from_s, duration_s);
}

function drawPlaying({ playing }) {
  const button = find("#play");
  button.querySelector(".icon").replaceWith(icon(playing ? "stop" : "play"));
  button.querySelector(".label").textContent = t(playing ? "hit.stop" : "hit.play");
}

// The boundaries of the word: two sliders over its sound.
function startBoundaries() {
  const [startElement, endElement] = [find("#start-of-word"), find("#end-of-word")];
  const makeBoundary = (element, edge) => {
    const moved = (seconds) => {
      if (currentHit()) moveBoundaries(currentHit(), { [edge]: Math.round(seconds * MS) / MS });
    };
    const slider = makeSlider(element, { step_s: 0.01, bigStep_s: 0.1, decimals: 2, moved });
    makeDraggable(element, track, (x) => slider.moveTo(secondsAt(x)), saveBoundaries);
    element.addEventListener("blur", saveBoundaries);
    return slider;
  };
  const start = makeBoundary(startElement, "start_s");
  const end = makeBoundary(endElement, "end_s");

  const place = (element, seconds, { start_s, end_s }) => {
    element.style.left = `${(100 * (seconds - start_s)) / (end_s - start_s)}%`;
  };
  return {
    show(hit) {
      const { view } = drawing;
      start.set(hit.start_s, view.start_s, Math.max(view.start_s, hit.end_s - MIN_EXTENT_S));
      end.set(hit.end_s, Math.min(view.end_s, hit.start_s + MIN_EXTENT_S), view.end_s);
      place(startElement, hit.start_s, view);
      place(endElement, hit.end_s, view);
    },
  };
}
