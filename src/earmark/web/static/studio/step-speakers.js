// Speakers and their consents.

import { icon, isolate, make } from "../dom.js";

const ACCESS = ["open", "community", "request", "closed"];

export async function render(root, context) {
  const { t, http } = context;
  const list = make("ol", { class: "speaker-list" });
  const draw = async () => {
    const found = await http.get("/api/studio/speakers");
    list.replaceChildren(...found.map((speaker) => row(speaker, context, draw)));
    if (!found.length) list.append(make("li", {}, make("p", {}, t("speakers.none"))));
  };
  root.append(make("h1", {}, t("step.speakers")), make("p", { class: "lede" }, t("about.speakers")), list, adding(context, draw));
  await draw();
}

function row(speaker, context, draw) {
  const { t } = context;
  const name = speaker.name || speaker.id;
  const facts = [t("speakers.recorded", { count: speaker.recorded, all: speaker.prompts }), t(`access.${speaker.access}`), speaker.languages.join(t("page.listSeparator"))];
  const consents = speaker.consents.length
    ? make("span", { class: "facts" }, icon("yes"), t("speakers.consents", { count: speaker.consents.length }))
    : make("span", { class: "lacks" }, t("speakers.noConsent"));
  return make(
    "li",
    { class: "card", "data-speaker": speaker.id },
    make("header", {}, make("h2", {}, isolate(name)), speaker.name ? make("small", {}, speaker.id) : "", consents),
    make("p", { class: "facts" }, facts.filter(Boolean).join(" · ")),
    make("div", { class: "row" }, make(
      "a",
      { class: "button main", href: `#record/${speaker.id}` },
      icon("record"),
      speaker.consents.length ? t("speakers.record") : t("speakers.giveConsent"),
    )),
    given(speaker, context),
    changing(speaker, context, draw),
    withdrawing(speaker, name, context, draw),
  );
}

// The consents, to be listened to and looked at.
function given({ id, consents }, { t }) {
  if (!consents.length) return "";
  const items = consents.map(({ kind, given_on, text, has_file }, i) => {
    const address = `/api/studio/speakers/${id}/consents/${i + 1}/file`;
    const shown = !has_file ? make("q", { dir: "auto" }, text)
      : kind === "speech" ? make("audio", { controls: true, preload: "none", src: address, "aria-label": t("consent.title") })
        : make("a", { href: address, target: "_blank" }, icon("pictures"), t("consent.pictures"));
    return make("li", { class: "row" }, make("span", {}, given_on), shown);
  });
  return make("details", {}, make("summary", {}, t("consent.title")), make("ul", {}, ...items));
}

function adding(context, draw) {
  const { t, http } = context;
  const fields = form({ name: "", languages: context.project.languages, access: "community", licence: "", note: "" }, t);
  const button = make("button", { class: "main" }, icon("add"), t("speakers.add"));
  const element = make("form", { class: "card", id: "add-speaker" }, make("h2", {}, t("speakers.add")), fields.element, button);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    await attempt(context, async () => {
      await http.post("/api/studio/speakers", fields.values());
      element.replaceWith(adding(context, draw));
      await draw();
      await context.refresh();
    });
  });
  return element;
}

function changing(speaker, context, draw) {
  const { t, http } = context;
  const fields = form(speaker, t);
  const save = make("button", { type: "button" }, icon("yes"), t("speakers.save"));
  save.addEventListener("click", () => attempt(context, async () => {
    await http.post(`/api/studio/speakers/${speaker.id}`, fields.values());
    context.announce(t("page.saved"));
    await draw();
  }));
  return make("details", {}, make("summary", {}, icon("settings"), t("speakers.change")), fields.element, save);
}

function form(values, t) {
  const name = make("input", { type: "text", dir: "auto", maxlength: 200, value: values.name, autocomplete: "off" });
  const languages = make("input", { type: "text", dir: "auto", maxlength: 500, value: values.languages.join(", ") });
  const access = make("select", {}, ...ACCESS.map((level) => make("option", { value: level, selected: level === values.access }, t(`access.${level}`))));
  const licence = make("input", { type: "text", dir: "auto", maxlength: 200, value: values.licence });
  const note = make("textarea", { rows: 2, dir: "auto", maxlength: 10_000 }, values.note);
  const label = (text, input, about = "") => make("label", {}, make("span", {}, text), input, about ? make("small", {}, about) : "");
  return {
    element: make(
      "div",
      { class: "form" },
      label(t("speakers.name"), name, t("speakers.name.about")),
      label(t("setting.languages"), languages, t("setting.languages.about")),
      label(t("speakers.access"), access),
      label(t("setting.licence"), licence, t("speakers.licence.about")),
      label(t("speakers.note"), note),
    ),
    values: () => ({
      name: name.value,
      languages: languages.value.split(/[,،、;]/).map((part) => part.trim()).filter(Boolean),
      access: access.value,
      licence: licence.value,
      note: note.value,
    }),
  };
}

// What is about to be deleted is said first; afterwards, what is left to do by hand.
function withdrawing({ id }, name, context, draw) {
  const { t, http } = context;
  const open = make("button", { type: "button", class: "quiet" }, icon("bin"), t("speakers.withdraw"));
  open.addEventListener("click", () => {
    const dialog = make("dialog", { "aria-labelledby": "withdraw-title" });
    const close = make("button", { type: "button" }, t("speakers.cancel"));
    const act = make("button", { type: "button", class: "main" }, icon("bin"), t("speakers.withdraw.do"));
    close.addEventListener("click", () => dialog.close());
    act.addEventListener("click", () => attempt(context, async () => {
      const done = await http.remove(`/api/studio/speakers/${id}`);
      dialog.replaceChildren(...report(done, t), close);
      close.textContent = t("speakers.close");
      close.focus();
      await draw();
      await context.refresh();
    }));
    dialog.append(
      make("h2", { id: "withdraw-title" }, isolate(name)),
      make("p", {}, t("speakers.withdraw.about")),
      make("div", { class: "row" }, close, act),
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  });
  return make("div", {}, open);
}

function report({ takes, model_learned, exports }, t) {
  return [
    make("h2", { id: "withdraw-title" }, t("withdrawal.done", { count: takes })),
    model_learned ? make("p", {}, t("withdrawal.model")) : "",
    exports.length ? make("p", {}, t("withdrawal.exports")) : "",
    exports.length ? make("ul", {}, ...exports.map((file) => make("li", {}, isolate(file)))) : "",
    make("p", {}, t("withdrawal.copies")),
  ].filter(Boolean);
}

async function attempt(context, act) {
  try {
    context.problem("");
    await act();
  } catch (error) {
    context.problem(error);
  }
}
