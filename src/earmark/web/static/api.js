// The API of the archive.

import * as http from "./http.js";

const CACHE_SIZE = 400; // responses; each is a few kB
const PARALLEL = 4; // a browser opens six connections to a server, and sound and judgements need some of them

export const getArchive = () => http.get("/api/archive");
export const search = (parameters, signal) => http.get("/api/search", parameters, { signal });
export const searchImage = (image, parameters, signal) =>
  http.upload("/api/search/picture", parameters, image, { method: "POST", signal });
export const storeClip = (clip) =>
  http.upload("/api/clips", {}, clip, { method: "POST", type: clip.type || "audio/wav" });
export const getLexicon = () => http.get("/api/lexicon");
export const nameQuery = (query, word) => http.post("/api/lexicon", { query, word });
export const judge = (judgement) => http.post("/api/judgements", judgement);
export const deleteJudgement = (id) => http.remove(`/api/judgements/${id}`);

export const soundUrl = (recording, segment) => http.withParameters(`/api/recordings/${recording}/sound`, segment);

// Why a sound could not be loaded; empty where the server does not answer.
export async function soundError(soundUrl) {
  const response = await fetch(soundUrl).catch(() => null);
  return response && !response.ok ? (await http.errorOf(response)).message : "";
}

// Responses that do not change are requested once.
export const getRecording = (id) => cached(`recording ${id}`, () => http.get(`/api/recordings/${id}`));
export const getPeaks = (id, channel, start_s, end_s, count) =>
  cached(`peaks ${id} ${channel} ${start_s} ${end_s} ${count}`, () =>
    http.get(`/api/recordings/${id}/peaks`, { channel, start_s, end_s, count }),
  );
export const getCurve = (query, position) =>
  cached(`curve ${query} ${position}`, () => http.get("/api/curve", { query, position }));

// The segment around a hit that is drawn.
export function segmentAround(hit, margin_s) {
  const start_s = Math.max(0, Math.min(hit.start_s, hit.time_s) - margin_s);
  return { start_s, end_s: Math.max(hit.end_s, hit.time_s) + margin_s };
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
