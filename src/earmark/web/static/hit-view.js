// The current candidate: what is known of it, its sound with the word in it, and the buttons to judge it.

import { startBoundaries } from "./boundaries.js";
import { clock } from "./clock.js";
import { find, icon, make, name } from "./dom.js";
import { goTo } from "./going.js";
import { canUndo, judgeCurrent, undo } from "./judgements.js";
import { isYours } from "./results-list.js";
import { playHit, playOn, stop } from "./player.js";
import { around, curveOf, peaksOf, recordingOf } from "./sights.js";
import { currentHit, state, whenever } from "./state.js";
import { drawSound, redrawn } from "./waveform.js";
import { WORDS } from "./i18n.js";

const MARGIN_S = 2;
const COLUMNS = 600;
const LABEL_PX = 110;
const NO_CURVE = { times_s: [], curve: [] };

const ground = find("#sound");
const canvas = find("#sound canvas");
let boundaries = null;
let sight = null; // { position, view, peaks, curve }: what is drawn of the current hit

export function startBench(askLike) {
  boundaries = startBoundaries(ground, () => sight?.view);
  whenever(["hits", "current"], () => {
    const hit = currentHit();
    find("#bench").hidden = !hit;
    if (!hit) return;
    drawWords(hit);
    if (sight?.position !== hit.position) look(hit);
    paint();
    boundaries.show(hit);
  });
  whenever(["away"], ({ away }) => !away && currentHit() && !sight?.peaks && look(currentHit()));
  whenever(["playing"], drawPlaying);
  redrawn(canvas, () => {
    paint();
    drawTimes();
  });
  ground.addEventListener("click", listenFrom);
  find("#previous").addEventListener("click", () => goTo(state.current - 1));
  find("#next").addEventListener("click", () => goTo(state.current + 1));
  find("#listen").addEventListener("click", listen);
  find("#undo").addEventListener("click", undo);
  find("#like").addEventListener("click", () => askLike(currentHit()));
  for (const button of document.querySelectorAll("[data-judge]")) {
    button.addEventListener("click", () => judgeCurrent(button.dataset.judge));
  }
}

// Listens to the current hit, or stops.
export function listen() {
  if (state.playing) stop();
  else if (currentHit()) playHit(currentHit());
}

async function look(hit) {
  const view = around(hit, MARGIN_S);
  sight = { position: hit.position, view, peaks: null, curve: null };
  drawTimes();
  find("#cant-draw").hidden = true;
  const put = (parts) => {
    const current = currentHit();
    if (sight?.position !== hit.position || current?.position !== hit.position) return; // another one is looked at by now, or none
    Object.assign(sight, parts);
    drawTimes();
    paint();
    boundaries.show(current);
  };
  curveOf(state.query, hit.position).then((curve) => put({ curve }), () => put({ curve: NO_CURVE }));
  peaksOf(hit.recording, hit.channel, view.start_s, view.end_s, COLUMNS).then(
    (peaks) => put({ peaks, view: { ...view, end_s: peaks.end_s } }), // the recording may end sooner
    () => { if (sight?.position === hit.position) find("#cant-draw").hidden = false; },
  );
}

function paint() {
  const hit = currentHit();
  if (!hit || sight?.position !== hit.position) return;
  const curve = sight.curve ?? NO_CURVE; // one that is on its way has its room
  const none = sight.curve && !curve.curve.length;
  find(".key.curve").hidden = Boolean(none);
  drawSound(canvas, { ...sight, curve: none ? null : curve, extent: hit, yours: isYours(hit) });
}

function drawWords(hit) {
  find("#position").textContent = WORDS.position(state.current + 1, state.hits.length);
  find("#bench h2").replaceChildren(name(hit.name));
  find("#bench-time").textContent = clock(hit.time_s);
  drawFacts(hit);
  find("#score").textContent = WORDS.score(hit.score.toFixed(2));
  find("#extent-key").textContent = isYours(hit) ? WORDS.extentYours : WORDS.extentLegend;
  find("#extent-key").dataset.yours = isYours(hit);
  canvas.setAttribute("aria-label", WORDS.wave(clock(hit.start_s), clock(hit.end_s)));
  find("#previous").disabled = state.current === 0;
  find("#next").disabled = state.current === state.hits.length - 1;
  find("#undo").disabled = !canUndo();
  for (const button of document.querySelectorAll("[data-judge]")) {
    button.setAttribute("aria-pressed", button.dataset.judge === hit.verdict);
  }
}

function drawFacts(hit) {
  const facts = [
    [WORDS.folder, hit.folder],
    [WORDS.channelName, hit.channels > 1 ? WORDS.channel(hit.channel) : ""],
    [WORDS.speaker, hit.speaker],
    [WORDS.date, hit.date],
    [WORDS.language, hit.language],
  ].filter(([, said]) => said);
  const pairs = facts.map(([what, said]) => make("div", {}, make("dt", { class: "unseen" }, what), make("dd", {}, name(said))));
  find("#facts").replaceChildren(...pairs);
}

function drawTimes() {
  if (!sight) return;
  const { start_s, end_s } = sight.view;
  const long_s = end_s - start_s;
  const step_s = [0.5, 1, 2, 5, 10, 30, 60].find((step) => (canvas.clientWidth * step) / long_s > LABEL_PX) ?? 120;
  const labels = [];
  for (let at = Math.ceil(start_s / step_s) * step_s; at < end_s; at += step_s) {
    const label = make("span", {}, clock(at, step_s < 1 ? 1 : 0));
    label.style.left = `${(100 * (at - start_s)) / long_s}%`;
    labels.push(label);
  }
  find("#times").replaceChildren(...labels);
}

async function listenFrom(event) {
  const hit = currentHit();
  if (!hit || !sight || event.target.closest("[role=slider]")) return;
  const { left, width } = ground.getBoundingClientRect();
  const { start_s, end_s } = sight.view;
  const from_s = start_s + ((event.clientX - left) / width) * (end_s - start_s);
  const { duration_s } = await recordingOf(hit.recording).catch(() => ({ duration_s: end_s }));
  playOn(hit.recording, hit.channel, from_s, duration_s);
}

function drawPlaying({ playing }) {
  const button = find("#listen");
  button.querySelector(".icon").replaceWith(icon(playing ? "stop" : "play"));
  button.querySelector(".label").textContent = playing ? WORDS.stop : WORDS.play;
}

export function movePlayhead(seconds) {
  const playhead = find("#playhead");
  const hit = currentHit();
  const here = seconds !== null && sight && hit && state.playing?.recording === hit.recording;
  const share = here ? (seconds - sight.view.start_s) / (sight.view.end_s - sight.view.start_s) : -1;
  playhead.hidden = share < 0 || share > 1;
  playhead.style.left = `${100 * share}%`;
}
