// Asks the server. What it refuses comes as `Refused` with its own sentence; a server that is gone or ill as `Unreachable`.

import { WORDS } from "./words.js";

export class Refused extends Error {}

export class Unreachable extends Error {
  constructor(sentence = WORDS.unreachable) {
    super(sentence);
  }
}

export const getArchive = () => ask("GET", "/api/archive");
export const getRecording = (id) => ask("GET", `/api/recordings/${id}`);
export const getPeaks = (id, stretch) => ask("GET", `/api/recordings/${id}/peaks`, stretch);
export const getCurve = (query, place) => ask("GET", "/api/curve", { query, place });
export const search = (asked, signal) => ask("GET", "/api/search", asked, { signal });
export const searchPicture = (picture, asked, signal) =>
  ask("POST", "/api/search/picture", asked, { body: picture, type: picture.type, signal });
export const judge = (judgement) =>
  ask("POST", "/api/judgements", {}, { body: JSON.stringify(judgement), type: "application/json" });
export const unjudge = (id) => ask("DELETE", `/api/judgements/${id}`);

export const soundAddress = (id, stretch) => address(`/api/recordings/${id}/sound`, stretch);

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
  const { detail } = await answer.json().catch(() => ({}));
  const sentence = typeof detail === "string" ? detail : WORDS.unsaid;
  return answer.status >= 500 ? new Unreachable(sentence) : new Refused(sentence);
}
