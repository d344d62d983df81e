// Import of existing recordings: a folder is dropped or chosen, its files go to the program, which says what they hold;
// then the speakers are matched, and takes are made. Dropping the same folder again adds nothing twice.

import { icon, isolate, make } from "../dom.js";
import { droppedEntries } from "./picture-upload.js";

const USED = /\.(eaf|textgrid|flextext|csv|tsv|jpe?g|png|webp|gif|bmp|tiff?|wav|flac|og[ga]|opus|mp3|m4a|aac|mp4|m4v|mov|webm|wma|aiff?|amr|3gp|mkv|avi|mpe?g)$/i;
const RETRY_MS = 2000;

export function folderImport(context) {
  const { t } = context;
  const state = make("div", { role: "status" });
  const input = make("input", { type: "file", hidden: true, tabindex: -1, webkitdirectory: true, id: "import-folder" });
  const choose = make("button", { type: "button" }, icon("recordings"), t("import.choose"));
  const zone = make(
    "div",
    { class: "drop card" },
    make("div", { class: "row" }, choose, input, make("span", { class: "hint" }, t("import.drop"))),
    state,
  );
  let busy = false;
  const take = async (entries) => {
    if (busy) return;
    busy = true;
    context.problem("");
    try {
      await importFolder(entries, state, context);
    } catch (error) {
      context.problem(error);
    }
    busy = false;
  };
  choose.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    take([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    input.value = "";
  });
  startDropping(zone, context, take);
  return make("details", { class: "import" }, make("summary", {}, icon("recordings"), t("import.title")), make("p", { class: "hint" }, t("import.about")), zone);
}

function startDropping(zone, context, take) {
  const over = (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    zone.closest("details").open = true;
    zone.classList.toggle("over", event.type !== "dragleave");
  };
  const drop = async (event) => {
    over(event);
    zone.classList.remove("over");
    take(await droppedEntries(event.dataTransfer));
  };
  const events = { dragover: over, dragleave: over, drop };
  for (const [kind, act] of Object.entries(events)) document.addEventListener(kind, act);
  context.onLeave(() => {
    for (const [kind, act] of Object.entries(events)) document.removeEventListener(kind, act);
  });
}

async function importFolder(entries, state, context) {
  const { t, http } = context;
  const used = entries.filter(({ path }) => USED.test(path) && !path.split("/").at(-1).startsWith("."));
  if (!used.length) return state.replaceChildren(make("p", {}, t("import.nothing")));
  const address = `/api/studio/imports/${randomToken()}`;
  const refused = await send(used, address, state, context);
  if (!context.isOpen()) return;
  state.replaceChildren(make("p", {}, t("import.reading")));
  const [found, people] = await Promise.all([http.get(address), http.get("/api/studio/speakers")]);
  if (!context.isOpen()) return;
  const leftOut = [...refused, ...found.left_out];
  if (!found.utterances) {
    state.replaceChildren(make("p", {}, t("import.nothing")), lacking(leftOut, t));
    return http.remove(address);
  }
  state.replaceChildren(...matching(found, leftOut, address, state, context, people));
  state.querySelector("select")?.focus();
}

const randomToken = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// The files, one after the other; where the program does not answer, it waits and goes on. What is refused is returned.
async function send(entries, address, state, context) {
  const { t, http } = context;
  const bar = make("progress", { max: entries.length, value: 0, "aria-label": t("import.sending") });
  const said = make("p", {});
  state.replaceChildren(bar, said);
  const refused = [];
  for (const { file, path } of entries) {
    while (context.isOpen()) {
      try {
        await http.upload(`${address}/file`, { name: path }, file, { type: "application/octet-stream" });
        break;
      } catch (error) {
        if (!http.mayRetry(error)) {
          refused.push({ which: path, reason: "unknown", detail: error.message });
          break;
        }
        said.textContent = error.message;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    bar.value += 1;
    said.textContent = t("pictures.progress", { done: bar.value, total: entries.length });
  }
  return refused;
}

// Whose recordings they are: each name of the documents with a speaker of the project, or a new one.
function matching(found, leftOut, address, state, context, people) {
  const { t } = context;
  const selects = found.speakers.map(({ label, count, speaker }) => {
    const select = make("select", { "data-label": label },
      make("option", { value: "" }, t("import.newSpeaker")),
      ...people.map(({ id, name }) => make("option", { value: id, selected: id === speaker }, name || id)));
    const name = label ? isolate(label) : t("import.noName");
    return { label, select, element: make("label", {}, make("span", {}, name, " · ", t("import.recordings", { count })), select) };
  });
  const start = make("button", { type: "button", class: "main", id: "import-start" }, icon("add"), t("import.start"));
  start.addEventListener("click", async () => {
    start.disabled = true;
    try {
      const speakers = Object.fromEntries(selects.map(({ label, select }) => [label, select.value]));
      await makeTakes(speakers, leftOut, address, state, context);
    } catch (error) {
      start.disabled = false;
      context.problem(error);
    }
  });
  return [
    make("p", {}, make("b", {}, t("import.found", { count: found.utterances }))),
    make("div", { class: "form" }, ...selects.map(({ element }) => element)),
    start,
    lacking(leftOut, t),
  ];
}

async function makeTakes(speakers, leftOut, address, state, context) {
  const { t, http } = context;
  const bar = make("progress", { max: 1, value: 0, "aria-label": t("import.sending") });
  state.replaceChildren(bar);
  let [added, present, start] = [0, 0, 0];
  for (;;) {
    const done = await http.post(`${address}/takes`, { speakers, start });
    speakers = done.speakers;
    start = done.next;
    added += done.added;
    present += done.present;
    leftOut.push(...done.left_out);
    bar.max = done.total;
    bar.value = done.next;
    if (done.next < done.total) continue;
    state.replaceChildren(
      make("p", { class: "written" }, icon("yes"), " ", t("import.added", { count: added }), present ? ` ${t("import.present", { count: present })}` : ""),
      ...withoutConsent(done.without_consent, t),
      lacking(leftOut, t),
    );
    await http.remove(address);
    await context.refresh();
    return;
  }
}

function withoutConsent(ids, t) {
  if (!ids.length) return [];
  const links = ids.map((id) => make("li", {}, make("a", { class: "button main", href: `#record/${id}` }, icon("record"), `${t("import.giveConsent")} · ${id}`)));
  return [make("p", {}, t("import.withoutConsent")), make("ul", { class: "row" }, ...links)];
}

function lacking(leftOut, t) {
  if (!leftOut.length) return "";
  const items = leftOut.map(({ which, reason, detail }) =>
    make("li", {}, isolate(which), " – ", t(`import.reason.${reason}`), detail ? make("small", { lang: "en", dir: "ltr", title: detail }, ` ${detail}`) : ""));
  return make("details", { class: "problems" },
    make("summary", {}, t("import.leftOut", { count: leftOut.length })), make("ul", {}, ...items));
}
