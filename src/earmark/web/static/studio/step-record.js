// Recording: who speaks, with which prompts, at the laptop or on a phone.

import { icon, isolate, make } from "../dom.js";
import { folderImport } from "./folder-import.js";
import { phonesPanel } from "./recorder/phones-panel.js";
import { startSession } from "./recorder/session.js";

const KINDS = ["describe", "name", "answer"];
const TRANSLATIONS = ["none", "typed", "spoken"];

export async function render(root, context) {
  const { t, http } = context;
  const speaker = location.hash.split("/")[1];
  if (speaker) {
    root.append(make("p", {}, make("a", { href: "#record", class: "back" }, icon("left"), t("record.others"))));
    await startSession(root, { ...picked(context), speaker, onStored: () => context.refresh().catch(() => {}) });
    return;
  }
  const found = await http.get("/api/studio/speakers");
  root.append(make("h1", {}, t("step.record")), make("p", { class: "lede" }, t("about.record")));
  if (!found.length) {
    root.append(
      make("p", {}, t("record.noSpeakers")),
      make("a", { class: "button main", href: "#speakers" }, icon("speakers"), t("speakers.add")),
      folderImport(context),
    );
    return;
  }
  root.append(
    make("h2", {}, t("record.who")),
    make("ul", { class: "cards" }, ...found.map((one) => card(one, t))),
    await plan(context),
    folderImport(context),
  );
  await phonesPanel(root, context, found);
}

const picked = ({ t, http, problem, announce, onLeave }) => ({ t, http, problem, announce, onLeave });

function card({ id, name, recorded, prompts }, t) {
  return make("li", {}, make(
    "a",
    { href: `#record/${id}` },
    make("span", { class: "badge", "aria-hidden": "true" }, icon("record")),
    make("span", {}, make("b", {}, isolate(name || id)), make("small", {}, t("speakers.recorded", { count: recorded, all: prompts }))),
  ));
}

async function plan({ t, http, problem, announce }) {
  const now = await http.get("/api/studio/plan");
  const change = (values) => http.post("/api/studio/plan", values).then(() => announce(t("page.saved")), problem);
  const select = (name, choices) => {
    const input = make("select", {}, ...choices.map((value) => make("option", { value, selected: value === now[name] }, t(`plan.${name}.${value}`))));
    input.addEventListener("change", () => change({ [name]: input.value }));
    return make("label", {}, make("span", {}, t(`plan.${name}`)), input);
  };
  const pictures = make("input", { type: "checkbox", checked: now.pictures });
  pictures.addEventListener("change", () => change({ pictures: pictures.checked }));
  const question = make("input", { type: "text", dir: "auto", maxlength: 200, value: now.question });
  question.addEventListener("change", () => change({ question: question.value }));
  const questions = make("textarea", { rows: 4, dir: "auto" }, now.questions.join("\n"));
  questions.addEventListener("change", () => change({ questions: questions.value.split("\n") }));
  return make(
    "details",
    { class: "plan" },
    make("summary", {}, icon("settings"), t("plan.title")),
    make(
      "div",
      { class: "form" },
      select("kind", KINDS),
      select("translation", TRANSLATIONS),
      make("label", {}, make("span", {}, t("plan.question")), question, make("small", {}, t("plan.question.about"))),
      make("label", {}, make("span", {}, t("plan.questions")), questions, make("small", {}, t("plan.questions.about"))),
      make("label", { class: "switch" }, pictures, make("span", {}, t("plan.pictures"))),
    ),
  );
}
