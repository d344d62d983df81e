// Plays segments of recordings, which the server cuts to the sample; no recording is ever loaded whole.

import { soundError, soundUrl } from "./api.js";
import { t } from "./i18n.js";
import { state, update } from "./state.js";

const CONTEXT_S = 1; // before and after a hit
const SEGMENT_S = 60; // a whole recording is played in segments of this length

const audio = new Audio();
audio.preload = "auto";
let reportPlayhead = () => {};
let frame = 0;

// `report` is called with the time in the recording that is played, many times a second, and with null at the end.
export function onPlayhead(report) {
  reportPlayhead = report;
}

export function playHit(hit) {
  play({
    mode: "hit",
    recording: hit.recording,
    channel: hit.channel,
    start_s: Math.max(0, hit.start_s - CONTEXT_S),
    end_s: hit.end_s + CONTEXT_S,
  });
}

// From a point to the end of the recording.
export function playRecording(recording, channel, from_s, duration_s) {
  const start_s = Math.max(0, Math.min(from_s, duration_s - 0.1));
  const end_s = Math.min(duration_s, start_s + SEGMENT_S);
  play({ mode: "recording", recording, channel, start_s, end_s, duration_s });
}

export function stop() {
  audio.pause();
  finish();
}

function play(segment) {
  cancelAnimationFrame(frame);
  update({ playing: segment, problem: "" });
  const { recording, channel, start_s, end_s } = segment;
  audio.src = soundUrl(recording, { channel, start_s: start_s.toFixed(3), end_s: end_s.toFixed(3) });
  audio.play().then(followPlayhead, async (error) => {
    if (error.name === "AbortError" || state.playing !== segment) return; // another segment took its place
    finish();
    update({ problem: (await soundError(audio.src)) || t("hit.cantPlay") });
  });
}

function followPlayhead() {
  if (!state.playing) return;
  reportPlayhead(state.playing.start_s + audio.currentTime);
  frame = requestAnimationFrame(followPlayhead);
}

audio.addEventListener("ended", () => {
  const { playing } = state;
  if (playing?.mode === "recording" && playing.end_s < playing.duration_s) {
    playRecording(playing.recording, playing.channel, playing.end_s, playing.duration_s);
  } else finish();
});

function finish() {
  cancelAnimationFrame(frame);
  update({ playing: null });
  reportPlayhead(null);
}
