// Requests to the server. One that it refuses throws `RequestError` with a sentence and, for an unknown word, suggestions;
// one that may succeed later (no connection, a server error) throws `ServerUnavailable`.

import { currentLanguage, hasText, t } from "./i18n.js";

const RETRYABLE = new Set([401, 403, 408, 421, 429]); // such as a token that is missing until the page is opened with it

export class RequestError extends Error {
  constructor(message, status, suggestions = []) {
    super(message);
    this.status = status;
    this.suggestions = suggestions;
  }
}

export class ServerUnavailable extends Error {}

// Whether the same request may succeed later.
export const mayRetry = (error) => !(error instanceof RequestError) || RETRYABLE.has(error.status);

export const get = (path, parameters, how) => request("GET", withParameters(path, parameters), how);
export const post = (path, content, how) => request("POST", path, { ...asJson(content), ...how });
export const put = (path, content, how) => request("PUT", path, { ...asJson(content), ...how });
export const remove = (path, how) => request("DELETE", path, how);

// Sends a file, or any Blob, as the body.
export const upload = (path, parameters, blob, { method = "PUT", type = blob.type, signal } = {}) =>
  request(method, withParameters(path, parameters), { body: blob, type: type || "application/octet-stream", signal });

export function withParameters(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

const asJson = (content) =>
  content === undefined ? {} : { body: JSON.stringify(content), type: "application/json" };

async function request(method, address, { body, type, signal } = {}) {
  const headers = { "X-Earmark": "1", ...(type && { "Content-Type": type }) };
  const response = await fetch(address, { method, headers, body, signal }).catch((error) => {
    throw error.name === "AbortError" ? error : new ServerUnavailable(t("problem.unreachable"));
  });
  if (!response.ok) throw await errorOf(response);
  return response.json().catch(() => { throw new ServerUnavailable(t("problem.unknown")); });
}

// Why a request was refused.
export async function errorOf(response) {
  const content = await response.json().catch(() => ({}));
  const sentence = sentenceOf(content);
  return response.status >= 500
    ? new ServerUnavailable(sentence)
    : new RequestError(sentence, response.status, content.suggestions);
}

// The server's own sentence is English and says more; other languages have one for what is common.
function sentenceOf({ detail, code }) {
  if (code && currentLanguage() !== "en" && hasText(`error.${code}`)) return t(`error.${code}`);
  return typeof detail === "string" ? detail : t("problem.unknown");
}
