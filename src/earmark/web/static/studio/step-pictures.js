// Pictures and words: adding pictures, choosing words, and what each word still needs. The wall is in tag-wall.js.

import { find, icon, isolate, make } from "../dom.js";
import { droppedFiles, fileButton, uploadPictures } from "./picture-upload.js";
import { pictureSets, setLicences } from "./picture-sets.js";
import { renderWall, thumbnail } from "./tag-wall.js";

export async function render(root, context) {
  if (context.path[0] === "wall" && context.project.words.includes(context.path[1])) return renderWall(root, context, context.path[1]);
  const { t, http } = context;
  const list = make("section", { class: "words" });
  const grid = make("section", { class: "pictures" });
  root.append(
    make("h1", {}, t("step.pictures")),
    make("p", { class: "lede" }, t("pictures.lede")),
    addPictures(context, () => draw()),
    pictureSets(context, () => draw()),
    make("h2", {}, t("words.title")),
    addWords(context, () => draw()),
    list,
    grid,
  );
  const draw = async () => {
    const [words, pictures] = await Promise.all([http.get("/api/studio/words"), http.get("/api/studio/pictures")]);
    await context.refresh();
    if (!context.isOpen()) return;
    drawWords(list, words, pictures.length, context, draw);
    drawPictures(grid, pictures, context, draw);
  };
  await draw();
}

function addPictures(context, added) {
  const { t, http } = context;
  const bar = make("progress", { max: 1, value: 0, "aria-label": t("pictures.adding") });
  const said = make("p", { role: "status" });
  const problems = make("details", { class: "problems", hidden: true });
  const state = make("div", { class: "upload-state", hidden: true }, bar, said, problems);
  let ended = false;
  context.onLeave(() => { ended = true; });

  const changed = ({ done, total, added: count, twice, problems: refused, waiting }) => {
    state.hidden = false;
    bar.max = total;
    bar.value = done;
    said.textContent = waiting || t(done < total ? "pictures.progress" : "pictures.added", { done, total, count, twice });
    problems.hidden = !refused.length;
    problems.replaceChildren(
      make("summary", {}, t("pictures.refused", { count: refused.length })),
      make("ul", {}, ...refused.map((text) => make("li", {}, isolate(text)))),
    );
  };
  const send = async (files) => {
    const shown = await uploadPictures(files, http, changed, () => ended);
    if (ended) return;
    context.announce(said.textContent);
    if (shown.problems.length) problems.open = true;
    await added().catch(context.problem);
  };

  const zone = make(
    "div",
    { class: "drop card" },
    make("div", { class: "row" },
      fileButton(t("pictures.add"), icon("pictures"), { accept: "image/*" }, send),
      fileButton(t("pictures.addFolder"), icon("recordings"), { webkitdirectory: true }, (files) => send(files.filter(isPicture))),
      make("span", { class: "hint" }, t("pictures.drop"))),
    state,
  );
  const over = (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    zone.classList.toggle("over", event.type !== "dragleave");
  };
  const drop = async (event) => {
    over(event);
    zone.classList.remove("over");
    send(await droppedFiles(event.dataTransfer));
  };
  for (const kind of ["dragover", "dragleave"]) document.addEventListener(kind, over);
  document.addEventListener("drop", drop);
  context.onLeave(() => {
    for (const kind of ["dragover", "dragleave"]) document.removeEventListener(kind, over);
    document.removeEventListener("drop", drop);
  });
  return zone;
}

const isPicture = (file) => !file.type || file.type.startsWith("image/");

function addWords(context, added) {
  const { t, http } = context;
  const input = make("input", { type: "text", dir: "auto", id: "new-words", autocapitalize: "none", spellcheck: "false", placeholder: t("words.placeholder"), "aria-label": t("words.add") });
  const form = make("form", { class: "row add-words" }, input, make("button", {}, icon("add"), t("words.add")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const words = input.value.split(/[,،、;\n]/).map((word) => word.trim()).filter(Boolean);
    if (!words.length) return;
    try {
      await http.post("/api/studio", { add_words: words });
      input.value = "";
      context.problem("");
      await added();
      find("#new-words").focus();
    } catch (error) {
      context.problem(error);
    }
  });
  return form;
}

function drawWords(section, words, pictures, context, changed) {
  const { t } = context;
  if (!words.length) {
    section.replaceChildren(make("p", { class: "hint" }, t("words.none")));
    return;
  }
  section.replaceChildren(make("ul", {}, ...words.map((state) => wordRow(state, pictures, context, changed))));
}

function wordRow(state, pictures, context, changed) {
  const { t, http } = context;
  const { word, shown, undecided, takes, missing_pictures, missing_takes } = state;
  const needs = [
    missing_pictures ? t("words.needsPictures", { count: missing_pictures }) : "",
    missing_takes ? t("words.needsTakes", { count: missing_takes }) : "",
  ].filter(Boolean);
  const tag = make("a", { class: "button", href: `#pictures/wall/${encodeURIComponent(word)}`, "aria-disabled": pictures ? null : "true" },
    icon("yes"), make("span", {}, t("words.tag")), make("span", { class: "hidden-label" }, word));
  const remove = make("button", { type: "button", class: "quiet", "aria-label": t("words.remove", { word }), title: t("words.remove", { word }) }, icon("bin"));
  remove.addEventListener("click", async () => {
    try {
      await http.post("/api/studio", { remove_words: [word] });
      await changed();
    } catch (error) {
      context.problem(error);
    }
  });
  return make(
    "li",
    { class: "card", "data-ready": String(needs.length === 0) },
    make("div", { class: "word-name" }, isolate(word, { class: "word-text" }),
      make("small", {}, t("words.shown", { count: shown }), " · ", t("words.takes", { count: takes }), undecided ? ` · ${t("words.undecided", { count: undecided })}` : "")),
    make("p", { class: "needs" }, icon(needs.length ? "add" : "yes"), needs.length ? needs.join(t("page.listSeparator")) : t("words.enough")),
    make("div", { class: "row" }, tag, remove),
  );
}

function drawPictures(section, pictures, context, changed) {
  const { t, http } = context;
  if (!pictures.length) return section.replaceChildren();
  const chosen = new Set();
  const remove = make("button", { type: "button", hidden: true }, icon("bin"), make("span"));
  const tiles = pictures.map(({ image, name, takes, licence, credit }) => {
    const box = make("input", { type: "checkbox", class: "hidden-label", "aria-label": t("pictures.choose", { name }) });
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(image);
      else chosen.delete(image);
      remove.hidden = !chosen.size;
      remove.lastChild.textContent = t("pictures.remove", { count: chosen.size });
    });
    return make("label", { class: "tile", title: [name, licence, credit].filter(Boolean).join(" · ") }, box, thumbnail(image), takes ? make("span", { class: "takes" }, icon("record"), context.formatNumber(takes)) : "");
  });
  remove.addEventListener("click", async () => {
    try {
      await http.post("/api/studio/pictures/removed", { images: [...chosen] });
      await changed();
      context.notice(t("pictures.removed"));
    } catch (error) {
      context.problem(error);
    }
  });
  section.replaceChildren(
    make("h2", {}, t("pictures.all", { count: pictures.length })),
    make("div", { class: "row" }, make("span", { class: "hint" }, t("pictures.chooseHint")), remove),
    make("div", { class: "wall small" }, ...tiles),
    setLicences(pictures, t),
  );
  return undefined;
}
