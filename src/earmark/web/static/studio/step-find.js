// Finding: the words as buttons; each opens the archive's page, which is the same application.

import { icon, isolate, make } from "../dom.js";
import { jobView } from "./job-view.js";

export async function render(root, context) {
  const { t, http } = context;
  root.append(make("h1", {}, t("step.find")), make("p", { class: "lede" }, t("find.lede")));
  let archive = null;
  try {
    archive = await http.get("/api/archive");
  } catch (error) {
    if (error.status !== 404) throw error;
  }
  if (!context.isOpen()) return;
  if (!archive) {
    root.append(make("p", { class: "card" }, icon("unknown"), " ", t("find.nothing")),
      make("a", { class: "button main", href: "#recordings" }, icon("recordings"), t("step.recordings")));
    return;
  }
  const words = archive.keywords.map((word) =>
    make("li", {}, make("a", { class: "button word-button", href: `/find?query=${encodeURIComponent(word)}` }, icon("find"), isolate(word))));
  root.append(
    make("p", {}, t("archive.facts", { recordings: t("count.recordings", { count: archive.recordings }), time: context.formatDuration(archive.hours * 3600) })),
    make("ul", { class: "row" }, ...words),
    make("p", {}, make("a", { class: "button main", href: "/find", id: "open-archive" }, icon("find"), t("find.open"))),
    make("p", { class: "hint" }, t("find.also")),
    make("p", { class: "hint" }, t("find.candidates")),
    ...(await teaching(context)),
  );
}

// The model learns from what was judged; all recordings are then prepared anew.
async function teaching(context) {
  const { t } = context;
  const start = make("button", { type: "button", id: "start-teaching" }, icon("learn"), t("find.teach"));
  const job = jobView("teach", context, (state) => {
    start.hidden = Boolean(state) && !["done", "failed"].includes(state.status);
  });
  start.addEventListener("click", job.start);
  await job.poll();
  return [make("h2", {}, t("find.teachTitle")), make("p", { class: "hint" }, t("find.teachLede")), make("p", {}, start), job.element];
}
