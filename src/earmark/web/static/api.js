// Asks the server. A request that is wrong comes back as `Refused`, with the server's own sentence. One that may succeed
// another time (the server is gone or ill, or wants its token) comes as `Unreachable`.

import { WORDS } from "./i18n.js";

const ANOTHER_TIME = new Set([401, 403, 408, 421, 429]);

export class Refused extends Error {
  constructor(sentence, suggestions = []) {
    super(sentence);
    this.suggestions = suggestions;
  }
}

export class Unreachable extends Error {
  constructor(sentence = WORDS.unreachable) {
    super(sentence);
  }
}

export const getArchive = () => ask("GET", "/api/archive");
export const getRecording = (id) => ask("GET", `/api/recordings/${id}`);
export const getPeaks = (id, stretch) => ask("GET", `/api/recordings/${id}/peaks`, stretch);
export const getCurve = (query, position) => ask("GET", "/api/curve", { query, position });
export const search = (asked, signal) => ask("GET", "/api/search", asked, { signal });
export const searchPicture = (picture, asked, signal) =>
  ask("POST", "/api/search/picture", asked, { body: picture, type: picture.type, signal });
export const judge = (judgement) =>
  ask("POST", "/api/judgements", {}, { body: JSON.stringify(judgement), type: "application/json" });
export const unjudge = (id) => ask("DELETE", `/api/judgements/${id}`);

export const soundAddress = (id, stretch) => address(`/api/recordings/${id}/sound`, stretch);

// Why a sound did not come, in the server's own words.
export async function whyNoSound(soundAddress) {
  const answer = await fetch(soundAddress).catch(() => null);
  return answer && !answer.ok ? (await complaint(answer)).message : "";
}

function address(path, parameters = {}) {
  const said = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return said.length ? `${path}?${new URLSearchParams(said)}` : path;
}

async function ask(method, path, parameters, { body, type, signal } = {}) {
  const headers = { "X-Earmark": "1", ...(type && { "Content-Type": type }) };
  const answer = await fetch(address(path, parameters), { method, headers, body, signal }).catch((error) => {
    throw error.name === "AbortError" ? error : new Unreachable();
  });
  if (!answer.ok) throw await complaint(answer);
  return answer.status === 204 ? null : answer.json().catch(() => { throw new Unreachable(WORDS.unsaid); });
}

async function complaint(answer) {
  const { detail, suggestions } = await answer.json().catch(() => ({}));
  const sentence = typeof detail === "string" ? detail : WORDS.unsaid;
  return answer.status >= 500 || ANOTHER_TIME.has(answer.status) ? new Unreachable(sentence) : new Refused(sentence, suggestions);
}
