// Taking home: files for other programs, and a deposit with a preview of exactly what leaves.

import { icon, isolate, make } from "../dom.js";

const FORMATS = ["elan", "praat", "flextext", "csv", "clips", "srt", "vtt", "ohms", "audacity"];
const LEVELS = ["open", "community", "request", "closed"];
const LISTED = 300; // files of a preview that are listed

export async function render(root, context) {
  const { t } = context;
  const exports = make("section", { class: "exports" });
  const deposit = make("section", { class: "deposit" });
  root.append(make("h1", {}, t("step.home")), make("p", { class: "lede" }, t("home.lede")), exports, deposit);
  await Promise.all([drawExports(exports, context), drawDeposit(deposit, context)]);
}

async function drawExports(section, context) {
  const { t, http } = context;
  let judged = null;
  try {
    judged = await http.get("/api/studio/home/judged");
  } catch (error) {
    if (error.status !== 404) throw error;
  }
  if (!context.isOpen()) return;
  section.replaceChildren(make("h2", {}, t("home.found")));
  if (!judged?.yes) {
    section.append(make("p", {}, t("home.nothingAccepted")), make("a", { class: "button", href: "#find" }, icon("find"), t("step.find")));
    return;
  }
  const candidates = make("input", { type: "checkbox", id: "with-candidates" });
  const said = make("p", { role: "status", class: "written" });
  const buttons = FORMATS.map((format) => {
    const button = make("button", { type: "button", class: "format", "data-format": format },
      icon("home"), make("span", {}, make("b", {}, t(`home.format.${format}`)), make("small", {}, t(`home.about.${format}`))));
    button.addEventListener("click", async () => {
      button.disabled = true;
      context.problem("");
      try {
        const { folder, files } = await http.post("/api/studio/home/export", { format, accepted_only: !candidates.checked });
        said.replaceChildren(t("home.written", { count: files.length }), " ", isolate(`${context.project.folder}/${folder}`));
      } catch (error) {
        context.problem(error);
      } finally {
        button.disabled = false;
      }
    });
    return make("li", {}, button);
  });
  section.append(
    make("p", {}, t("count.accepted", { count: judged.yes })),
    make("label", { class: "switch" }, candidates, t("home.candidates")),
    make("ul", { class: "formats" }, ...buttons),
    said,
  );
}

async function drawDeposit(section, context) {
  const { t, http } = context;
  const shown = make("div", { class: "preview" });
  const names = make("input", { type: "checkbox", id: "with-names" });
  const said = make("p", { role: "status", class: "written" });
  const boxes = LEVELS.map((level) => make("input", { type: "checkbox", value: level, checked: level === "open" }));
  const levels = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const write = make("button", { type: "button", class: "main", id: "write-deposit" }, icon("home"), t("home.deposit.write"));
  const preview = async () => {
    try {
      const query = new URLSearchParams([...levels().map((level) => ["level", level]), ["with_names", names.checked]]);
      const found = await http.get(`/api/studio/home/deposit?${query}`);
      if (context.isOpen()) drawPreview(shown, found, context);
      write.disabled = !found.people.length;
    } catch (error) {
      context.problem(error);
    }
  };
  for (const box of [...boxes, names]) box.addEventListener("change", preview);
  write.addEventListener("click", async () => {
    write.disabled = true;
    try {
      const { folder, files } = await http.post("/api/studio/home/deposit", { levels: levels(), with_names: names.checked });
      said.replaceChildren(t("home.written", { count: files.length }), " ", isolate(`${context.project.folder}/${folder}`));
      await context.refresh();
    } catch (error) {
      context.problem(error);
    } finally {
      write.disabled = false;
    }
  });
  section.replaceChildren(
    make("h2", {}, t("home.deposit")),
    make("p", { class: "hint" }, t("home.deposit.lede")),
    make("fieldset", {}, make("legend", {}, t("home.levels")),
      ...boxes.map((box, i) => make("label", { class: "switch" }, box, t(`home.level.${LEVELS[i]}`)))),
    make("label", { class: "switch" }, names, t("home.names")),
    shown, make("p", {}, write), said,
  );
  await preview();
}

function drawPreview(section, { files, bytes, people, staying }, context) {
  const { t } = context;
  const person = ({ id, name, takes }) => make("li", { class: "chip" }, isolate(name === id ? id : `${name} (${id})`), make("small", {}, t("words.takes", { count: takes })));
  const size = context.formatNumber(bytes / 1e6, 1);
  section.replaceChildren(
    make("h3", {}, icon("home"), t("home.leaves", { count: files.length, size })),
    make("ul", { class: "row" }, ...people.map(person)),
    staying.length ? make("p", { class: "hint" }, t("home.stays")) : "",
    make("ul", { class: "row staying" }, ...staying.map(person)),
    make("details", {}, make("summary", {}, t("home.files")),
      make("ul", { class: "plain-list file-list", dir: "ltr" }, ...files.slice(0, LISTED).map(({ path }) => make("li", {}, isolate(path)))),
      files.length > LISTED ? make("p", { class: "hint" }, t("home.more", { count: files.length - LISTED })) : ""),
  );
}
