// Plays stretches of recordings, cut to the sample by the server; no recording is ever read whole.

import { soundAddress, whyNoSound } from "./api.js";
import { change, state } from "./state.js";
import { WORDS } from "./i18n.js";

const CONTEXT_S = 1; // before and after a hit
const STRETCH_S = 60; // played on, a recording comes in stretches of this length

const audio = new Audio();
audio.preload = "auto";
let watchPlayhead = () => {};
let frame = 0;

// `watch` is called with the second of the recording that is heard, many times a second, and with null at the end.
export function onPlayhead(watch) {
  watchPlayhead = watch;
}

export function playHit(hit) {
  play({
    what: "hit",
    recording: hit.recording,
    channel: hit.channel,
    start_s: Math.max(0, hit.start_s - CONTEXT_S),
    end_s: hit.end_s + CONTEXT_S,
  });
}

// From a point on, to the end of the recording.
export function playOn(recording, channel, from_s, duration_s) {
  const start_s = Math.max(0, Math.min(from_s, duration_s - 0.1));
  play({ what: "on", recording, channel, start_s, end_s: Math.min(duration_s, start_s + STRETCH_S), duration_s });
}

export function stop() {
  audio.pause();
  finish();
}

function play(stretch) {
  cancelAnimationFrame(frame);
  change({ playing: stretch, trouble: "" });
  const { recording, channel, start_s, end_s } = stretch;
  audio.src = soundAddress(recording, { channel, start_s: start_s.toFixed(3), end_s: end_s.toFixed(3) });
  audio.play().then(follow, async (error) => {
    if (error.name === "AbortError" || state.playing !== stretch) return; // another took its place
    finish();
    change({ trouble: (await whyNoSound(audio.src)) || WORDS.cantPlay });
  });
}

function follow() {
  if (!state.playing) return;
  watchPlayhead(state.playing.start_s + audio.currentTime);
  frame = requestAnimationFrame(follow);
}

audio.addEventListener("ended", () => {
  const { playing } = state;
  if (playing?.what === "on" && playing.end_s < playing.duration_s) {
    playOn(playing.recording, playing.channel, playing.end_s, playing.duration_s);
  } else finish();
});

function finish() {
  cancelAnimationFrame(frame);
  change({ playing: null });
  watchPlayhead(null);
}
