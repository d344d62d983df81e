// Requests to the server. One that it refuses throws `RequestError` with the server's sentence; one that may succeed
// later (no connection, a server error) throws `ServerUnavailable`.

import { currentLanguage, hasText, t } from "./i18n.js";

export class RequestError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export class ServerUnavailable extends Error {}

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
  const content = await response.json().catch(() => ({}));
  if (response.ok) return content;
  const sentence = sentenceOf(content);
  throw response.status >= 500 ? new ServerUnavailable(sentence) : new RequestError(sentence, response.status);
}

// The server's own sentence is English and says more; other languages have one for what is common.
function sentenceOf({ detail, code }) {
  if (code && currentLanguage() !== "en" && hasText(`error.${code}`)) return t(`error.${code}`);
  return typeof detail === "string" ? detail : t("problem.unknown");
}
