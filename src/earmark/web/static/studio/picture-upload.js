// Sends pictures to the server, a few at a time, and says which could not be used and why. Where the server does not
// answer, it waits and goes on.

import { make } from "../dom.js";

const PARALLEL = 3;
const RETRY_MS = 2000;
const MOST_PROBLEMS = 200; // that are listed

// Sends `files` and calls `changed({ done, total, added, twice, problems, waiting })` as it goes; `stopped()` ends it.
export async function uploadPictures(files, http, changed, stopped) {
  const state = { done: 0, total: files.length, added: 0, twice: 0, problems: [], waiting: false };
  const queue = [...files];
  const work = async () => {
    while (queue.length && !stopped()) {
      await send(queue.shift(), http, state, changed, stopped);
      state.done += 1;
      changed(state);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return state;
}

async function send(file, http, state, changed, stopped) {
  while (!stopped()) {
    try {
      const { is_new } = await http.upload("/api/studio/pictures", { name: file.name }, file, { type: "application/octet-stream" });
      state.waiting = false;
      if (is_new) state.added += 1;
      else state.twice += 1;
      return;
    } catch (error) {
      if (!(error instanceof http.ServerUnavailable)) {
        if (state.problems.length < MOST_PROBLEMS) state.problems.push(error.message.includes(file.name) ? error.message : `${file.name}: ${error.message}`);
        return;
      }
      state.waiting = error.message;
      changed(state);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

// All files of what was dropped, those in folders too.
export const droppedFiles = async (dropped) => (await droppedEntries(dropped)).map(({ file }) => file);

// The same, each with its path in what was dropped.
export async function droppedEntries({ items, files }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...files].map((file) => ({ file, path: file.name }));
  const found = [];
  const walk = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    } else for (const inner of await entriesOf(entry)) await walk(inner);
  };
  for (const entry of entries) await walk(entry);
  return found;
}

async function entriesOf(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) return all;
    all.push(...some);
  }
}

// A button that opens the dialog for files, or for a folder.
export function fileButton(label, symbol, attributes, chosen) {
  const input = make("input", { type: "file", multiple: true, hidden: true, tabindex: -1, ...attributes });
  input.addEventListener("change", () => {
    if (input.files.length) chosen([...input.files]);
    input.value = "";
  });
  const button = make("button", { type: "button" }, symbol, label);
  button.addEventListener("click", () => input.click());
  return make("span", { class: "file-button" }, button, input);
}
