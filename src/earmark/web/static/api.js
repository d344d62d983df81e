// The server's API. A request that is refused throws `RequestError`, with the server's sentence and, for an unknown word,
// its suggestions. One that may succeed later (no connection, a server error, a missing token) throws `ServerUnavailable`.

import { STRINGS } from "./i18n.js";

const RETRYABLE = new Set([401, 403, 408, 421, 429]);
const CACHE_SIZE = 400; // responses; each is a few kB
const PARALLEL = 4; // a browser opens six connections to a server, and sound and judgements need some of them

export class RequestError extends Error {
  constructor(message, suggestions = []) {
    super(message);
    this.suggestions = suggestions;
  }
}

export class ServerUnavailable extends Error {
  constructor(message = STRINGS.unreachable) {
    super(message);
  }
}

export const getArchive = () => request("GET", "/api/archive");
export const search = (parameters, signal) => request("GET", "/api/search", parameters, { signal });
export const searchImage = (image, parameters, signal) =>
  request("POST", "/api/search/picture", parameters, { body: image, type: image.type, signal });
export const searchClip = (clip, parameters, signal) =>
  request("POST", "/api/search/clip", parameters, { body: clip, type: clip.type || "audio/wav", signal });
export const getLexicon = () => request("GET", "/api/lexicon");
export const nameQuery = (query, word) =>
  request("POST", "/api/lexicon", {}, { body: JSON.stringify({ query, word }), type: "application/json" });
export const judge = (judgement) =>
  request("POST", "/api/judgements", {}, { body: JSON.stringify(judgement), type: "application/json" });
export const deleteJudgement = (id) => request("DELETE", `/api/judgements/${id}`);

export const soundUrl = (recording, segment) => url(`/api/recordings/${recording}/sound`, segment);

// Why a sound could not be loaded, in the server's words; empty where the server does not answer.
export async function soundError(soundUrl) {
  const response = await fetch(soundUrl).catch(() => null);
  return response && !response.ok ? (await errorOf(response)).message : "";
}

// Responses that do not change are requested once.
export const getRecording = (id) => cached(`recording ${id}`, () => request("GET", `/api/recordings/${id}`));
export const getPeaks = (id, channel, start_s, end_s, count) =>
  cached(`peaks ${id} ${channel} ${start_s} ${end_s} ${count}`, () =>
    request("GET", `/api/recordings/${id}/peaks`, { channel, start_s, end_s, count }),
  );
export const getCurve = (query, position) =>
  cached(`curve ${query} ${position}`, () => request("GET", "/api/curve", { query, position }));

// The segment around a hit that is drawn.
export function segmentAround(hit, margin_s) {
  const start_s = Math.max(0, Math.min(hit.start_s, hit.time_s) - margin_s);
  return { start_s, end_s: Math.max(hit.end_s, hit.time_s) + margin_s };
}

function url(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

async function request(method, path, parameters, { body, type, signal } = {}) {
  const headers = { "X-Earmark": "1", ...(type && { "Content-Type": type }) };
  const response = await fetch(url(path, parameters), { method, headers, body, signal }).catch((error) => {
    throw error.name === "AbortError" ? error : new ServerUnavailable();
  });
  if (!response.ok) throw await errorOf(response);
  return response.json().catch(() => { throw new ServerUnavailable(STRINGS.unknownError); });
}

async function errorOf(response) {
  const { detail, suggestions } = await response.json().catch(() => ({}));
  const message = typeof detail === "string" ? detail : STRINGS.unknownError;
  const retryable = response.status >= 500 || RETRYABLE.has(response.status);
  return retryable ? new ServerUnavailable(message) : new RequestError(message, suggestions);
}

const responses = new Map();
const queue = [];
let running = 0;

function cached(key, fetchIt) {
  if (!responses.has(key)) {
    const response = enqueue(fetchIt);
    responses.set(key, response);
    response.catch(() => responses.delete(key)); // a failed request is tried again
    if (responses.size > CACHE_SIZE) responses.delete(responses.keys().next().value);
  }
  return responses.get(key);
}

function enqueue(fetchIt) {
  return new Promise((resolve, reject) => {
    queue.push(() => fetchIt().then(resolve, reject));
    runNext();
  });
}

// The latest first: it belongs to what is on the screen now.
function runNext() {
  if (running >= PARALLEL || !queue.length) return;
  running += 1;
  queue.pop()().finally(() => {
    running -= 1;
    runNext();
  });
}
