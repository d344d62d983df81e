// The first page: what the project is, its seven steps, and which is next.

import { icon, make } from "../dom.js";

export function render(root, context) {
  const { t, project } = context;
  const next = project.steps.find(({ name }) => name === project.next);
  root.append(
    make("h1", {}, t("start.title")),
    make("p", { class: "lede" }, t("start.lede")),
    make("p", { class: "next" }, nextLink(next, context)),
    make("ol", { class: "cards" }, ...project.steps.map((step) => card(step, context))),
    settings(context),
    make("p", { class: "private" }, t("start.private")),
  );
}

function nextLink({ name }, { t }) {
  return make("a", { href: `#${name}`, class: "button main" }, icon(name), t("start.next", { step: t(`step.${name}`) }));
}

function card({ name, progress, counts }, { t }) {
  const facts = Object.entries(counts).filter(([, count]) => count > 0).map(([key, count]) => t(`count.${key}`, { count }));
  return make("li", { "data-progress": progress }, make(
    "a",
    { href: `#${name}` },
    make("span", { class: "badge", "aria-hidden": "true" }, icon(progress === "done" ? "yes" : name)),
    make("span", {}, make("b", {}, t(`step.${name}`)), make("small", {}, facts.join(" · ") || t(`about.${name}`))),
  ));
}

function settings(context) {
  const { t, project, http } = context;
  const field = (name, value) => {
    const input = make("input", { type: "text", value, dir: "auto", maxlength: 500, id: `setting-${name}` });
    input.addEventListener("change", async () => {
      const changed = name === "languages" ? input.value.split(/[,،、;]/).map((part) => part.trim()).filter(Boolean) : input.value;
      try {
        await http.post("/api/studio", { [name]: changed });
        await context.refresh();
        context.problem("");
        context.announce(t("page.saved"));
      } catch (error) {
        context.problem(error);
      }
    });
    return make("label", {}, make("span", {}, t(`setting.${name}`)), input, make("small", {}, t(`setting.${name}.about`)));
  };
  return make(
    "details",
    { class: "settings", open: !project.languages.length },
    make("summary", {}, icon("settings"), t("start.settings")),
    make(
      "div",
      { class: "form" },
      field("name", project.name),
      field("languages", project.languages.join(", ")),
      field("licence", project.licence),
      field("consent", project.consent),
    ),
  );
}
