// Takes clips of a word to search with: recorded here, chosen, or dropped on the page; trimmed by ear. Several are
// examples of one word, and some may be of what is not meant.

import * as api from "./api.js";
import { find, make } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { state } from "./state.js";

const LONGEST_S = 12;
const SOUND_NAMES = /\.(wav|flac|ogg|oga|opus|mp3|m4a|aac|webm)$/i;
const QUIET = 0.06; // of the loudest sample: what is quieter at both ends is cut off at first
const MARGIN_S = 0.1;
const STEPS = 1000; // of the sliders

const dialog = find("#clip");
const canvas = find("#clip-sound canvas");
const [from, to] = [find("#clip-start"), find("#clip-end")];

let context = null; // made at the first use: browsers want a gesture before
let sound = null; // AudioBuffer
let playing = null;
let recorder = null;
let takes = []; // kept: { clip, seconds, isMeant }
let searched = ""; // key of the query of these

export const isSound = ({ name = "", type = "" }) => type.startsWith("audio/") || SOUND_NAMES.test(name);

// `search(query)` is called with the key of the clips.
export function startClipInput(search) {
  find("#choose-clip").addEventListener("click", open);
  find("#clip-close").addEventListener("click", () => dialog.close());
  find("#clip-choose").addEventListener("click", () => find("#clip-file").click());
  find("#clip-file").addEventListener("change", ({ target }) => {
    load(target.files[0]);
    target.value = "";
  });
  find("#clip-record").addEventListener("click", () => (recorder ? recorder.stop() : record()));
  find("#clip-listen").addEventListener("click", listen);
  find("#clip-keep").addEventListener("click", () => keep(true));
  find("#clip-exclude").addEventListener("click", () => keep(false));
  find("#clip-find").addEventListener("click", async () => {
    if (sound) keep(true);
    try {
      searched = await keyOf(takes);
    } catch ({ message }) {
      find("#clip-problem").textContent = message;
      return;
    }
    dialog.close();
    search(searched);
  });
  for (const slider of [from, to]) slider.addEventListener("input", () => keepApart(slider));
  dialog.addEventListener("close", stopAll);
  document.addEventListener("drop", ({ dataTransfer }) => {
    const [file] = dataTransfer?.files ?? [];
    if (file && state.archive && isSound(file)) open().then(() => load(file));
  });
  drawButtons();
}

async function open() {
  if (!dialog.open) dialog.showModal();
  find("#clip-problem").textContent = "";
  if (state.query !== searched) takes = []; // those of another query
  drawTakes();
}

// Keeps the clip as an example, or as one of what is not meant; then another one can be given.
function keep(isMeant) {
  stopPlaying();
  const samples = trimmed();
  const seconds = samples.length / sound.sampleRate;
  takes = [...takes, { clip: encodeWav(samples, sound.sampleRate), seconds, isMeant }];
  sound = null;
  find("#clip-sound").hidden = true;
  drawTakes();
}

// Stores the clips, and gives the key of the query with them.
async function keyOf(kept) {
  const stored = await Promise.all(kept.map(({ clip }) => api.storeClip(clip)));
  const hashes = (isMeant) => {
    const own = stored.filter((_, i) => kept[i].isMeant === isMeant);
    return [...new Set(own.map(({ query }) => query.slice("clip:".length)))].sort();
  };
  return ["clip:" + hashes(true).join("+"), ...hashes(false)].join("-");
}

function drawTakes() {
  const rows = takes.map((take) => {
    const seconds = formatNumber(take.seconds, 1);
    const remove = make("button", { type: "button", class: "quiet" }, t("clip.remove"));
    remove.addEventListener("click", () => {
      takes = takes.filter((other) => other !== take);
      drawTakes();
    });
    return make("li", {}, t(take.isMeant ? "clip.example" : "clip.counterexample", { seconds }), remove);
  });
  find("#clip-takes").replaceChildren(...rows);
  drawButtons();
}

async function record() {
  find("#clip-problem").textContent = "";
  let stream;
  try {
    // Filters for calls change speech: it should be as recordings are.
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    stream = await navigator.mediaDevices.getUserMedia({ audio });
  } catch {
    find("#clip-problem").textContent = t("clip.noMicrophone");
    return;
  }
  const parts = [];
  recorder = new MediaRecorder(stream);
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  recorder.addEventListener("stop", () => {
    for (const track of stream.getTracks()) track.stop();
    const whole = new Blob(parts, { type: recorder.mimeType });
    recorder = null;
    drawButtons();
    if (dialog.open) load(whole);
  });
  recorder.start();
  const mine = recorder;
  setTimeout(() => recorder === mine && recorder.stop(), LONGEST_S * 1000);
  drawButtons();
}

async function load(file) {
  if (!file) return;
  find("#clip-problem").textContent = "";
  context ??= new AudioContext();
  try {
    sound = await context.decodeAudioData(await file.arrayBuffer());
  } catch {
    find("#clip-problem").textContent = t("clip.unreadable");
    return;
  }
  const [start, end] = loudPart();
  [from.value, to.value] = [Math.floor(start * STEPS), Math.ceil(end * STEPS)];
  find("#clip-sound").hidden = false;
  draw();
  drawButtons();
}

// Start and end of what is loud, as shares of the sound.
function loudPart() {
  const samples = mono();
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  const isLoud = (sample) => Math.abs(sample) > QUIET * peak;
  const [first, last] = [samples.findIndex(isLoud), samples.findLastIndex(isLoud)];
  const margin = MARGIN_S * sound.sampleRate;
  if (first < 0) return [0, 1];
  return [Math.max(0, first - margin) / samples.length, Math.min(samples.length, last + margin) / samples.length];
}

function mono() {
  const channels = Array.from({ length: sound.numberOfChannels }, (_, i) => sound.getChannelData(i));
  return channels[0].map((_, at) => channels.reduce((sum, channel) => sum + channel[at], 0) / channels.length);
}

const edges = () => [from, to].map(({ value }) => Math.round((value / STEPS) * sound.length));

function trimmed() {
  const [first, last] = edges();
  return mono().subarray(first, last);
}

function keepApart(moved) {
  const least = Math.ceil((0.1 / sound.duration) * STEPS);
  if (moved === from) from.value = Math.min(from.value, Math.max(0, to.value - least));
  else to.value = Math.max(to.value, Math.min(STEPS, Number(from.value) + least));
  draw();
}

function draw() {
  const [width, height] = [(canvas.width = 600), (canvas.height = 100)];
  const pen = canvas.getContext("2d");
  const samples = mono();
  const [first, last] = edges();
  const style = getComputedStyle(canvas);
  for (let x = 0; x < width; x += 2) {
    const [begin, end] = [x, x + 2].map((at) => Math.floor((at / width) * samples.length));
    let peak = 0;
    for (let i = begin; i < end; i += 1) peak = Math.max(peak, Math.abs(samples[i]));
    pen.fillStyle = style.color;
    pen.globalAlpha = begin >= first && end <= last ? 1 : 0.25;
    const tall = Math.max(1, peak * height);
    pen.fillRect(x, (height - tall) / 2, 1.5, tall);
  }
}

function listen() {
  stopPlaying();
  const [first, last] = edges();
  playing = new AudioBufferSourceNode(context, { buffer: sound });
  playing.connect(context.destination);
  playing.start(0, first / sound.sampleRate, (last - first) / sound.sampleRate);
}

function stopPlaying() {
  playing?.stop();
  playing = null;
}

function stopAll() {
  stopPlaying();
  recorder?.stop();
}

function drawButtons() {
  find("#clip-record").textContent = t(recorder ? "clip.stop" : "clip.record");
  for (const id of ["#clip-listen", "#clip-keep", "#clip-exclude"]) find(id).disabled = !sound || Boolean(recorder);
  find("#clip-find").disabled = Boolean(recorder) || !(sound || takes.some(({ isMeant }) => isMeant));
}

// Mono samples as a WAV file of 16 bits.
function encodeWav(samples, rate) {
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, i) => bytes.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true); // PCM
  bytes.setUint16(22, 1, true); // channel
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, i) => bytes.setInt16(44 + 2 * i, Math.max(-1, Math.min(1, sample)) * 32767, true));
  return new Blob([bytes.buffer], { type: "audio/wav" });
}
