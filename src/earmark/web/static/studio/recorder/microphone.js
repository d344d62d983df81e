// The microphone: opened once a session, with the browser's processing turned off, and read by an AudioWorklet.
//
// What a browser needs differs: Chromium takes only exact constraints in earnest, Firefox takes plain ones, and Safari
// turns the gain far down if echo cancellation is off, so that it is left as it is there.

import { Ring } from "./ring.js";

export const PRE_ROLL_S = 0.4; // before the key: people begin to speak while they press it
const CHOICE = "earmark microphone";

export class MicrophoneError extends Error {
  // reason: "insecure", "denied", "missing", "busy" or "unknown"
  constructor(reason, cause) {
    super(reason, { cause });
    this.reason = reason;
  }
}

const REASONS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

export const isSupported = () => Boolean(navigator.mediaDevices?.getUserMedia && globalThis.AudioWorkletNode);

// "granted", "denied" or "prompt"; "unknown" where the browser does not say (Firefox).
export async function permission() {
  try {
    return (await navigator.permissions.query({ name: "microphone" })).state;
  } catch {
    return "unknown";
  }
}

export async function devices() {
  const found = await navigator.mediaDevices.enumerateDevices();
  return found.filter(({ kind }) => kind === "audioinput").map(({ deviceId, label }) => ({ id: deviceId, label }));
}

export const browserKind = ({ userAgent, vendor = "" }) => {
  if (/CriOS|FxiOS|EdgiOS/.test(userAgent) || vendor.startsWith("Apple")) return "safari"; // all browsers of iOS are Safari
  return /Firefox\//.test(userAgent) ? "firefox" : "chromium";
};

export function constraints(kind, deviceId = "") {
  const off = kind === "chromium" ? { exact: false } : false;
  return {
    channelCount: { ideal: 1 },
    ...(kind !== "safari" && { echoCancellation: off }),
    autoGainControl: off,
    noiseSuppression: off,
    ...(deviceId && { deviceId: { ideal: deviceId } }),
  };
}

export async function openMicrophone(deviceId = localStorage.getItem(CHOICE) ?? "") {
  if (!isSupported()) throw new MicrophoneError("insecure");
  const stream = await openStream(deviceId);
  if (deviceId) localStorage.setItem(CHOICE, deviceId);
  const context = new AudioContext();
  await context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
  await context.resume();
  return new Microphone(stream, context);
}

async function openStream(deviceId) {
  const kind = browserKind(navigator);
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: constraints(kind, deviceId) });
  } catch (error) {
    if (error.name !== "OverconstrainedError") throw new MicrophoneError(REASONS[error.name] ?? "unknown", error);
  }
  try { // a device that can't do without: it is used, and what it really does is stored with each take
    return await navigator.mediaDevices.getUserMedia({ audio: constraints("firefox", deviceId) });
  } catch (error) {
    throw new MicrophoneError(REASONS[error.name] ?? "unknown", error);
  }
}

class Microphone {
  constructor(stream, context) {
    this.stream = stream;
    this.context = context;
    this.sampleRate = context.sampleRate;
    this.track = stream.getAudioTracks()[0];
    this.ring = new Ring(Math.round(PRE_ROLL_S * context.sampleRate));
    this.recording = null;
    this.onLevel = () => {};
    this.onEnd = () => {};
    this.node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
    this.node.port.onmessage = ({ data }) => this.take(data);
    this.source = context.createMediaStreamSource(stream);
    this.source.connect(this.node);
    this.track.addEventListener("ended", () => this.onEnd());
  }

  // What the browser really applied, to be stored with each take.
  get settings() {
    const { deviceId, groupId, ...applied } = this.track.getSettings(); // these two only identify the machine
    return {
      ...applied,
      microphone: this.track.label,
      contextSampleRate: this.sampleRate,
      baseLatency_s: this.context.baseLatency,
      browser: navigator.userAgent,
    };
  }

  get deviceId() {
    return this.track.getSettings().deviceId;
  }

  take({ samples, flushed }) {
    if (this.recording) {
      this.recording.blocks.push(samples);
    } else {
      this.ring.add(samples);
    }
    if (samples.length) this.onLevel(samples);
    if (flushed) this.recording?.flushed();
  }

  start() {
    const before = this.ring.take();
    this.recording = { blocks: [before], before_s: before.length / this.sampleRate, startedAt: performance.now() };
  }

  // The samples since 0.4 s before `start`, and how long that took by the clock.
  async stop() {
    const { recording } = this;
    const clock_s = recording.before_s + (performance.now() - recording.startedAt) / 1000;
    const answered = new Promise((resolve) => { recording.flushed = resolve; });
    this.node.port.postMessage({ flush: true });
    await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 500))]); // a dead device answers nothing
    this.recording = null;
    return { samples: joined(recording.blocks), sampleRate: this.sampleRate, clock_s };
  }

  discard() {
    this.recording = null;
  }

  async close() {
    this.onEnd = this.onLevel = () => {};
    this.node.port.onmessage = null;
    this.source.disconnect();
    for (const track of this.stream.getTracks()) track.stop();
    await this.context.close();
  }
}

export function joined(blocks) {
  const all = new Float32Array(blocks.reduce((sum, { length }) => sum + length, 0));
  let place = 0;
  for (const block of blocks) {
    all.set(block, place);
    place += block.length;
  }
  return all;
}
