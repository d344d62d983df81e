// The whole recording that the current candidate is in, hours of it, to listen to from anywhere.

import { clock } from "./clock.js";
import { find } from "./dom.js";
import { goTo } from "./going.js";
import { playOn } from "./player.js";
import { peaksOf, recordingOf } from "./sights.js";
import { makeSlider } from "./slider.js";
import { currentHit, state, whenever } from "./state.js";
import { drawWhole, PINS_PX, redrawn } from "./waveform.js";
import { WORDS } from "./i18n.js";

const COLUMNS = 1200;
const STEP_S = 5;
const BIG_STEP_S = 60;
const NEAR_PX = 8;

const ground = find("#whole-sound");
const canvas = find("#whole-sound canvas");
let shown = null; // { recording, channel, duration_s, peaks }
let slider = null;

export function startOverview() {
  slider = makeSlider(ground, { step_s: STEP_S, bigStep_s: BIG_STEP_S, decimals: 0, moved: listenFrom });
  whenever(["hits", "current", "phase"], () => {
    const hit = currentHit();
    if (!hit) return;
    if (shown?.recording !== hit.recording || shown.channel !== hit.channel) open(hit);
    else if (!state.playing) rest(hit.time_s);
    paint();
  });
  whenever(["away"], ({ away }) => !away && currentHit() && !shown?.peaks && open(currentHit()));
  redrawn(canvas, paint);
  ground.addEventListener("click", pointed);
}

async function open({ recording, channel, time_s }) {
  const opened = { recording, channel, duration_s: 0, peaks: null };
  shown = opened;
  find("#whole").hidden = true;
  try {
    const { duration_s } = await recordingOf(recording);
    const peaks = await peaksOf(recording, channel, 0, duration_s, COLUMNS);
    Object.assign(opened, { duration_s, peaks });
  } catch {
    return; // nothing to listen to; the bench says so
  }
  if (shown !== opened) return;
  find("#whole").hidden = false;
  rest(time_s);
  paint();
}

function paint() {
  if (!shown?.peaks) return;
  drawWhole(canvas, { ...shown, pins: pins() });
}

function pins() {
  const here = state.hits.map((hit, index) => ({ ...hit, index, current: index === state.current }));
  const ours = here.filter(({ recording, channel }) => recording === shown.recording && channel === shown.channel);
  return ours.sort((one, other) => one.current - other.current); // the current one is drawn over the others
}

function pointed(event) {
  const { left, top, width } = ground.getBoundingClientRect();
  const x = event.clientX - left;
  const far = ({ time_s }) => Math.abs((width * time_s) / shown.duration_s - x);
  const nearest = pins().sort((one, other) => far(one) - far(other))[0];
  if (event.clientY - top <= PINS_PX && nearest && far(nearest) <= NEAR_PX) goTo(nearest.index);
  else listenFrom((shown.duration_s * x) / width);
}

function listenFrom(seconds) {
  rest(seconds);
  playOn(shown.recording, shown.channel, seconds, shown.duration_s);
}

// Where the slider stands, and what the clock beside it says.
function rest(seconds) {
  slider.set(seconds, 0, shown.duration_s);
  find("#elapsed").textContent = WORDS.elapsed(clock(seconds, 0), clock(shown.duration_s, 0));
}

export function movePlayheadInWhole(seconds) {
  const playhead = find("#whole-playhead");
  const here = seconds !== null && shown?.peaks && state.playing?.recording === shown.recording;
  playhead.hidden = !here;
  if (!here) return;
  playhead.style.left = `${(100 * seconds) / shown.duration_s}%`;
  rest(seconds);
}
