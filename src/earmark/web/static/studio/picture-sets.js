// Ready sets of pictures that lie on this machine: those that are installed, and any folder with a table of its pictures.

import { icon, isolate, make } from "../dom.js";

const FIRST_COUNT = 200; // pictures: enough to begin with, and few enough to mark in an hour

export function pictureSets(context, added) {
  const { t, http } = context;
  const list = make("div", { class: "set-list" });
  const input = make("input", { type: "text", dir: "ltr", id: "set-folder", spellcheck: "false", autocapitalize: "none", "aria-label": t("recordings.path"), placeholder: t("sets.placeholder") });
  const form = make("form", { class: "row add-words" }, input, make("button", {}, icon("find"), t("sets.open")));
  const show = (found) => list.append(...found.map((set) => card(set, context, added)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    try {
      context.problem("");
      show([await http.get("/api/studio/picture-sets/of", { folder: input.value, language: context.language })]);
      input.value = "";
    } catch (error) {
      context.problem(error);
    }
  });
  const details = make("details", { class: "sets" },
    make("summary", {}, icon("pictures"), t("sets.title")), make("p", { class: "hint" }, t("sets.about")), form, list);
  details.addEventListener("toggle", async () => {
    if (!details.open || details.dataset.read) return;
    details.dataset.read = "";
    try {
      show(await http.get("/api/studio/picture-sets", { language: context.language }));
    } catch (error) {
      context.problem(error);
    }
  });
  return details;
}

function card({ name, folder, count, licences }, context, added) {
  const { t } = context;
  const number = make("input", { type: "number", min: 1, max: count, value: Math.min(FIRST_COUNT, count), inputmode: "numeric" });
  const take = make("button", { type: "button", class: "main" }, icon("add"), t("sets.take"));
  const state = make("div", { role: "status" });
  const stated = Object.entries(licences).map(([licence, of]) => `${licence || t("archive.notStated")} (${context.formatNumber(of)})`);
  take.addEventListener("click", async () => {
    take.disabled = true;
    try {
      await takeAll({ folder, language: context.language, count: Math.max(1, Math.min(count, Number(number.value))) }, state, context);
      await added();
    } catch (error) {
      context.problem(error);
    }
    take.disabled = false;
  });
  return make("div", { class: "card" },
    make("h3", {}, isolate(name)),
    make("p", {}, t("count.pictures", { count }), " · ", t("setting.licence"), ": ", isolate(stated.join(t("page.listSeparator")))),
    make("div", { class: "row" }, make("label", {}, make("span", {}, t("sets.count"), " "), number), take),
    state);
}

async function takeAll(wanted, state, context) {
  const { t, http } = context;
  const bar = make("progress", { max: 1, value: 0, "aria-label": t("pictures.adding") });
  state.replaceChildren(bar);
  const sums = { added: 0, present: 0, problems: [] };
  for (let start = 0; context.isOpen();) {
    const done = await http.post("/api/studio/picture-sets/taken", { ...wanted, start });
    sums.added += done.added;
    sums.present += done.present;
    sums.problems.push(...done.problems);
    [bar.max, bar.value, start] = [done.total, done.next, done.next];
    if (done.next >= done.total) break;
  }
  state.replaceChildren(
    make("p", {}, t("pictures.added", { count: sums.added, twice: sums.present })),
    sums.problems.length ? make("details", { class: "problems" },
      make("summary", {}, t("pictures.refused", { count: sums.problems.length })),
      make("ul", {}, ...sums.problems.map((text) => make("li", {}, isolate(text))))) : "",
  );
}

// From which sets the pictures are, and under which licences.
export function setLicences(pictures, t) {
  const counts = new Map();
  for (const { set, licence } of pictures.filter((picture) => picture.set)) {
    const from = `${set} · ${licence || t("archive.notStated")}`;
    counts.set(from, (counts.get(from) ?? 0) + 1);
  }
  if (!counts.size) return "";
  const items = [...counts].map(([from, count]) => make("li", {}, isolate(from), ": ", t("count.pictures", { count })));
  return make("details", { class: "set-licences" }, make("summary", {}, t("sets.licences")), make("ul", {}, ...items), make("p", { class: "hint" }, t("sets.credits")));
}
