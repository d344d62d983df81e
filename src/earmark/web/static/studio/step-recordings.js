// Recordings: folders that are added, and their indexing in the background.

import { find, icon, isolate, make } from "../dom.js";
import { jobView } from "./job-view.js";

export async function render(root, context) {
  const { t, http } = context;
  const list = make("section", { class: "folders" });
  const problems = make("section", { class: "broken" });
  const actions = make("div", { class: "row" });
  const draw = (found) => {
    drawFolders(list, found.folders, context, draw);
    drawProblems(problems, found.problems, context);
    drawActions(actions, found.folders, context, job);
  };
  const job = jobView("index", context, async (state) => {
    actions.hidden = Boolean(state) && state.status !== "done";
    if (state?.status === "done") {
      draw(await http.get("/api/studio/recordings"));
      await context.refresh();
    }
  });
  root.append(
    make("h1", {}, t("step.recordings")),
    make("p", { class: "lede" }, t("recordings.lede")),
    addFolder(context, draw),
    list, job.element, actions, problems,
  );
  draw(await http.get("/api/studio/recordings"));
  await job.poll();
}

function addFolder(context, draw) {
  const { t, http } = context;
  const input = make("input", { type: "text", dir: "ltr", id: "new-folder", spellcheck: "false", autocapitalize: "none", placeholder: t("recordings.placeholder"), "aria-label": t("recordings.path") });
  const form = make("form", { class: "add-folder" },
    make("div", { class: "row add-words" }, input, make("button", {}, icon("add"), t("recordings.add"))),
    make("p", { class: "hint" }, t("recordings.hint")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    try {
      draw(await http.post("/api/studio/recordings/add", { path: input.value }));
      input.value = "";
      context.problem("");
      find("#new-folder").focus();
    } catch (error) {
      context.problem(error);
    }
  });
  return form;
}

function drawFolders(section, folders, context, draw) {
  const { t, http } = context;
  section.replaceChildren(make("ul", {}, ...folders.map(({ path, is_there, files }) => {
    const remove = make("button", { type: "button", class: "quiet", "aria-label": t("words.remove", { word: path }), title: t("words.remove", { word: path }) }, icon("bin"));
    remove.addEventListener("click", async () => {
      try {
        draw(await http.post("/api/studio/recordings/remove", { path }));
      } catch (error) {
        context.problem(error);
      }
    });
    return make("li", { class: "card row" }, icon("recordings"), isolate(path, { class: "grow" }),
      make("small", {}, is_there ? t("recordings.files", { count: files }) : t("recordings.missing")), remove);
  })));
}

function drawActions(row, folders, context, job) {
  const { t, project } = context;
  const learned = project.steps.find(({ name }) => name === "learn").progress === "done";
  if (!folders.length) return row.replaceChildren();
  if (!learned) {
    return row.replaceChildren(make("p", { class: "hint" }, t("recordings.learnFirst")), make("a", { class: "button", href: "#learn" }, icon("learn"), t("step.learn")));
  }
  const start = make("button", { type: "button", class: "main", id: "start-indexing" }, icon("recordings"), t("recordings.index"));
  start.addEventListener("click", job.start);
  return row.replaceChildren(start);
}

function drawProblems(section, problems, context) {
  const { t } = context;
  section.replaceChildren(...(problems.length ? [
    make("h2", {}, t("recordings.broken", { count: problems.length })),
    make("p", { class: "hint" }, t("recordings.brokenHint")),
    make("ul", { class: "plain-list" }, ...problems.map((sentence) => make("li", {}, isolate(sentence)))),
  ] : []));
}
