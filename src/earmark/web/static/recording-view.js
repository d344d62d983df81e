// The whole recording of the current hit, hours of it, to play from any point; with a pin for each of its hits.

import { getPeaks, getRecording } from "./api.js";
import { find, formatTime } from "./dom.js";
import { t } from "./i18n.js";
import { playRecording } from "./player.js";
import { goTo } from "./results-list.js";
import { makeSlider } from "./slider.js";
import { currentHit, state, watch } from "./state.js";
import { drawRecording, onRedraw, PINS_PX } from "./waveform.js";

const COLUMNS = 1200;
const STEP_S = 5;
const BIG_STEP_S = 60;
const PIN_REACH_PX = 8;

const track = find("#recording-sound");
const canvas = find("#recording-sound canvas");
let displayed = null; // { recording, channel, duration_s, peaks }
let slider = null;

export function startRecordingView() {
  slider = makeSlider(track, { step_s: STEP_S, bigStep_s: BIG_STEP_S, decimals: 0, moved: playFrom });
  watch(["hits", "current", "phase"], () => {
    const hit = currentHit();
    if (!hit) return;
    if (displayed?.recording !== hit.recording || displayed.channel !== hit.channel) load(hit);
    else if (!state.playing) setSlider(hit.time_s);
    paint();
  });
  watch(["offline"], ({ offline }) => !offline && currentHit() && !displayed?.peaks && load(currentHit()));
  onRedraw(canvas, paint);
  track.addEventListener("click", clicked);
}

export function moveRecordingPlayhead(seconds) {
  const playhead = find("#recording-playhead");
  const here = seconds !== null && displayed?.peaks && state.playing?.recording === displayed.recording;
  playhead.hidden = !here;
  if (!here) return;
  playhead.style.left = `${(100 * seconds) / displayed.duration_s}%`;
  setSlider(seconds);
}

async function load({ recording, channel, time_s }) {
  const loading = { recording, channel, duration_s: 0, peaks: null };
  displayed = loading;
  find("#recording").hidden = true;
  try {
    const { duration_s } = await getRecording(recording);
    const peaks = await getPeaks(recording, channel, 0, duration_s, COLUMNS);
    Object.assign(loading, { duration_s, peaks });
  } catch {
    return; // the view of the hit says that there is no sound
  }
  if (displayed !== loading) return;
  find("#recording").hidden = false;
  setSlider(time_s);
  paint();
}

function paint() {
  if (!displayed?.peaks) return;
  drawRecording(canvas, { ...displayed, pins: pins() });
}

function pins() {
  const hits = state.hits.map((hit, index) => ({ ...hit, index, current: index === state.current }));
  const here = hits.filter(({ recording, channel }) => recording === displayed.recording && channel === displayed.channel);
  return here.sort((one, other) => one.current - other.current); // the current one is drawn over the others
}

function clicked(event) {
  const { left, top, width } = track.getBoundingClientRect();
  const x = event.clientX - left;
  const distance = ({ time_s }) => Math.abs((width * time_s) / displayed.duration_s - x);
  const nearest = pins().sort((one, other) => distance(one) - distance(other))[0];
  const onPin = event.clientY - top <= PINS_PX && nearest && distance(nearest) <= PIN_REACH_PX;
  if (onPin) goTo(nearest.index);
  else playFrom((displayed.duration_s * x) / width);
}

function playFrom(seconds) {
  setSlider(seconds);
  playRecording(displayed.recording, displayed.channel, seconds, displayed.duration_s);
}

function setSlider(seconds) {
  slider.set(seconds, 0, displayed.duration_s);
  find("#elapsed").textContent = t("hit.elapsed", { at: formatTime(seconds, 0), total: formatTime(displayed.duration_s, 0) });
}
