// Sound as samples in [-1, 1]: its wav file of 24 bits, its level, and what a person should know about a take. The
// numbers are those of the server (take_checks.py), which checks each take again.

const BYTES = 3; // a sample
const HEADER = 44;
const FRAME_S = 0.02;
const SILENCE_DB = -60;
const QUIET_DB = -42;
const LOUDEST_SHARE = 0.05;
export const SATURATED = 0.99;
const SATURATED_RUN = 3;
const SHORTEST_S = 0.25;
const CLOCK_SHARE = 0.05;
const CLOCK_S = 0.25;

export function wavFile(samples, sampleRate) {
  const bytes = new ArrayBuffer(HEADER + samples.length * BYTES + (samples.length % 2));
  const view = new DataView(bytes);
  const text = (place, letters) => [...letters].forEach((letter, i) => view.setUint8(place + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, bytes.byteLength - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channel
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * BYTES, true);
  view.setUint16(32, BYTES, true);
  view.setUint16(34, BYTES * 8, true);
  text(36, "data");
  view.setUint32(40, samples.length * BYTES, true);
  const out = new Uint8Array(bytes, HEADER);
  for (let i = 0, place = 0; i < samples.length; i += 1) {
    const value = Math.max(-8_388_608, Math.min(8_388_607, Math.round(samples[i] * 8_388_608)));
    out[place++] = value & 255;
    out[place++] = (value >> 8) & 255;
    out[place++] = (value >> 16) & 255;
  }
  return bytes;
}

export async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function warningsOf(samples, sampleRate, clock_s) {
  const found = [];
  const duration_s = samples.length / sampleRate;
  const level = speechLevel(samples, sampleRate);
  if (level < SILENCE_DB) found.push("silence");
  else if (level < QUIET_DB) found.push("quiet");
  if (isSaturated(samples)) found.push("clipping");
  if (duration_s < SHORTEST_S) found.push("short");
  if (clock_s && Math.abs(duration_s - clock_s) > CLOCK_S + CLOCK_SHARE * clock_s) found.push("clock");
  return found;
}

// Level of the loudest twentieth of the frames, in decibels of full scale.
function speechLevel(samples, sampleRate) {
  if (!samples.length) return -180;
  const size = Math.max(1, Math.round(FRAME_S * sampleRate));
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  const levels = [];
  for (let start = 0; start < samples.length; start += size) {
    let power = 0;
    for (let i = start; i < start + size; i += 1) power += ((samples[i] ?? 0) - mean) ** 2;
    levels.push(Math.sqrt(power / size));
  }
  levels.sort((one, other) => one - other);
  const loudest = levels.slice(-Math.max(1, Math.round(LOUDEST_SHARE * levels.length)));
  return 20 * Math.log10(Math.max(1e-9, loudest.reduce((sum, level) => sum + level, 0) / loudest.length));
}

function isSaturated(samples) {
  let run = 0;
  for (const sample of samples) {
    run = Math.abs(sample) >= SATURATED ? run + 1 : 0;
    if (run >= SATURATED_RUN) return true;
  }
  return false;
}

// For a meter: 0 at -60 dB of full scale, 1 at full scale.
export function meterLevel(samples) {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  return Math.max(0, Math.min(1, 1 + Math.log10(Math.max(1e-6, peak)) / 3));
}
