// Learning: what can be expected before, how far it is meanwhile, and afterwards which words the model recognises.

import { icon, isolate, make } from "../dom.js";
import { jobView } from "./job-view.js";
import { thumbnail } from "./tag-wall.js";

const VERDICTS = ["well", "somewhat", "no", "unknown"];
const MARGIN_S = 0.3; // that is played before and after a word
const OBSTACLES = { words: "pictures", takes: "record", tags: "pictures" }; // where each is removed

export async function render(root, context) {
  const { t, http } = context;
  const before = make("section", { class: "before" });
  const after = make("section", { class: "after" });
  const job = jobView("learn", context, async (state) => {
    const underWay = state && state.status !== "done";
    before.hidden = Boolean(underWay);
    if (state?.status === "done") {
      await Promise.all([drawAfter(after, context), drawBefore(before, context, job)]);
      await context.refresh();
    }
  });
  root.append(make("h1", {}, t("step.learn")), make("p", { class: "lede" }, t("learn.lede")), job.element, after, before);
  await Promise.all([drawBefore(before, context, job), drawAfter(after, context), job.poll()]);
}

async function drawBefore(section, context, job) {
  const { t, http } = context;
  const { takes, pictures, speakers, speech_s, words, time_s, obstacle } = await http.get("/api/studio/expectation");
  if (obstacle) {
    section.replaceChildren(make("p", { class: "card" }, icon("unknown"), " ", t(`learn.obstacle.${obstacle}`)),
      make("a", { class: "button main", href: `#${OBSTACLES[obstacle]}` }, icon(OBSTACLES[obstacle]), t(`step.${OBSTACLES[obstacle]}`)));
    return;
  }
  const start = make("button", { type: "button", class: "main", id: "start-learning" }, icon("learn"), t("learn.start"));
  start.addEventListener("click", job.start);
  const groups = ["good", "fair", "poor", "none"]
    .map((outlook) => [outlook, words.filter((word) => word.outlook === outlook)])
    .filter(([, some]) => some.length);
  section.replaceChildren(
    make("h2", {}, t("learn.before")),
    make("ul", { class: "facts" },
      make("li", {}, icon("record"), t("words.takes", { count: takes }), t("page.listSeparator"), context.formatDuration(speech_s)),
      make("li", {}, icon("pictures"), t("count.pictures", { count: pictures })),
      make("li", {}, icon("speakers"), t("learn.speakers", { count: speakers })),
      make("li", {}, icon("learn"), t("learn.time", { time: context.formatDuration(time_s) }))),
    make("dl", { class: "outlooks" }, ...groups.flatMap(([outlook, some]) => [
      make("dt", { "data-outlook": outlook }, t(`learn.outlook.${outlook}`)),
      make("dd", {}, ...some.map(({ word, takes: count }) => make("span", { class: "chip" }, isolate(word), make("small", {}, context.formatNumber(count))))),
    ])),
    make("p", {}, start),
  );
}

async function drawAfter(section, context) {
  const { t, http } = context;
  const found = await http.get("/api/studio/learned");
  if (!found || !context.isOpen()) return section.replaceChildren();
  const groups = VERDICTS.map((verdict) => [verdict, found.words.filter((word) => word.verdict === verdict)]).filter(([, some]) => some.length);
  section.replaceChildren(
    make("h2", {}, t("learn.after")),
    make("p", { class: "hint" }, t("learn.afterLede")),
    ...groups.map(([verdict, some]) => make("section", { class: "verdict-group", "data-verdict": verdict },
      make("h3", {}, icon({ well: "yes", no: "no" }[verdict] ?? "unknown"), t(`learn.verdict.${verdict}`, { count: some.length })),
      make("ul", {}, ...some.map((word) => wordResult(word, context))))),
  );
  return undefined;
}

function wordResult({ word, shown, right, by_luck, examples }, context) {
  const { t } = context;
  return make("li", { class: "card" },
    isolate(word, { class: "word-text" }),
    make("p", {}, shown ? t("learn.result", { right, count: shown, luck: by_luck }) : t("learn.noTakes")),
    make("ul", { class: "examples" }, ...examples.map((take, i) => make("li", {}, example(take, i, word, context)))));
}

// A take's picture is a button that plays where the word may be.
function example({ number, image, start_s, end_s, is_right }, place, word, context) {
  const { t } = context;
  const label = t(is_right ? "learn.playRight" : "learn.playWrong", { number: place + 1, word });
  const button = make("button", { type: "button", class: "example", "aria-label": label, title: label, "data-right": String(is_right) },
    thumbnail(image), make("span", { class: "mark-right" }, icon(is_right ? "yes" : "no")), icon("play"));
  button.addEventListener("click", () => play(`/api/studio/learned/takes/${number}/sound`, start_s, end_s, context));
  return button;
}

const player = new Audio();
let stopAt = 0;

async function play(address, start_s, end_s, context) {
  stopAt = end_s + MARGIN_S;
  player.ontimeupdate = () => player.currentTime >= stopAt && player.pause();
  if (!player.src.endsWith(address)) player.src = address;
  player.currentTime = Math.max(0, start_s - MARGIN_S);
  try {
    await player.play();
  } catch {
    context.problem(context.t("learn.cantPlay"));
  }
}
