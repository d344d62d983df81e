// The wall: all pictures for one word. Keys alone are enough: arrows move, Y, N and X decide, Z takes back.

import { icon, isolate, make } from "../dom.js";
import { keyOf } from "../keyboard.js";
import { startSaving } from "./tag-saving.js";

const SYMBOLS = { yes: "yes", no: "no", undecided: "unknown" };
const NEXT_VERDICT = { undecided: "yes", yes: "no", no: "undecided" }; // of a click or a tap

export async function renderWall(root, context, word) {
  const { t, http } = context;
  const [{ verdicts, proposed, likely, can_propose }, pictures] = await Promise.all([
    http.get("/api/studio/tags", { word }),
    http.get("/api/studio/pictures"),
  ]);
  if (!context.isOpen()) return;
  const saved = make("span", { class: "saved", role: "status" });
  const saving = startSaving(context, (unsaved, why) => {
    saved.textContent = why ? `${why} ${t("wall.kept", { count: unsaved })}` : t(unsaved ? "wall.saving" : "page.saved");
    saved.dataset.unsaved = unsaved > 0;
  });
  const state = new Map(pictures.map(({ image }) => [image, verdicts[image] ?? "undecided"]));
  for (const [image, verdict] of saving.pending(word)) if (state.has(image)) state.set(image, verdict);
  const order = wallOrder(pictures, state, proposed);
  const places = new Map(order.map((image, i) => [image, i]));
  const names = new Map(pictures.map(({ image, name }) => [image, name]));
  const past = []; // decisions to take back, each a list of [image, former verdict]
  let current = 0;

  const tiles = order.map((image, i) => {
    const tile = make("button", { type: "button", class: "tile", tabindex: -1 }, thumbnail(image), make("span", { class: "verdict" }));
    tile.addEventListener("click", () => {
      moveTo(i, false);
      decide([image], NEXT_VERDICT[state.get(image)], false);
    });
    return tile;
  });
  const counts = make("p", { class: "counts", "aria-live": "polite" });
  const wall = make("div", { class: "wall", role: "group", "aria-label": t("wall.label", { word }) });
  const split = proposed.length ? likely : 0;
  if (split) wall.append(make("h2", { class: "across" }, t("wall.likely", { count: split })));
  tiles.forEach((tile, i) => {
    if (split && i === split) wall.append(make("h2", { class: "across" }, t("wall.others")));
    wall.append(tile);
  });

  const draw = (image) => {
    const verdict = state.get(image);
    const tile = tiles[places.get(image)];
    tile.dataset.verdict = verdict;
    tile.setAttribute("aria-label", t(`wall.${verdict}`, { name: names.get(image) }));
    tile.lastChild.replaceChildren(verdict === "undecided" ? "" : icon(SYMBOLS[verdict]));
  };
  const drawCounts = () => {
    const number = (wanted) => [...state.values()].filter((verdict) => verdict === wanted).length;
    counts.replaceChildren(
      make("span", { "data-verdict": "yes" }, icon("yes"), t("words.shown", { count: number("yes") })),
      make("span", { "data-verdict": "no" }, icon("no"), t("wall.notShown", { count: number("no") })),
      make("span", {}, icon("unknown"), t("words.undecided", { count: number("undecided") })),
    );
  };
  const decide = (images, verdict, advance) => {
    const changed = images.filter((image) => state.get(image) !== verdict);
    if (changed.length) {
      past.push(changed.map((image) => [image, state.get(image)]));
      apply(changed.map((image) => [image, verdict]));
    }
    if (advance) moveTo(current + 1);
  };
  const apply = (changes) => {
    for (const [image, verdict] of changes) {
      state.set(image, verdict);
      draw(image);
    }
    drawCounts();
    saving.add(changes.map(([image, verdict]) => ({ image, word, verdict })));
  };
  const takeBack = () => {
    const changes = past.pop();
    if (!changes) return context.announce(t("wall.nothingToUndo"));
    apply(changes);
    return moveTo(places.get(changes[0][0]));
  };
  const rest = () => decide(order.filter((image) => state.get(image) === "undecided"), "no", false);
  const moveTo = (place, focus = true) => {
    tiles[current].tabIndex = -1;
    current = Math.max(0, Math.min(tiles.length - 1, place));
    tiles[current].tabIndex = 0;
    if (focus) tiles[current].focus();
  };
  const perRow = () => Math.max(1, getComputedStyle(wall).gridTemplateColumns.split(" ").length);
  const along = getComputedStyle(document.documentElement).direction === "rtl" ? -1 : 1;
  const otherWord = (by) => {
    const words = context.project.words;
    context.go("pictures", "wall", words[(words.indexOf(word) + by + words.length) % words.length]);
  };
  const actions = {
    arrowright: () => moveTo(current + along),
    arrowleft: () => moveTo(current - along),
    arrowdown: () => moveTo(current + perRow()),
    arrowup: () => moveTo(current - perRow()),
    home: () => moveTo(0),
    end: () => moveTo(tiles.length - 1),
    y: () => decide([order[current]], "yes", true),
    n: () => decide([order[current]], "no", true),
    x: () => decide([order[current]], "undecided", true),
    z: takeBack,
    r: rest,
    w: () => otherWord(1),
    q: () => otherWord(-1),
  };
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const action = actions[keyOf(event)];
    if (!action || !tiles.length) return;
    event.preventDefault();
    action();
  };
  document.addEventListener("keydown", pressed);
  context.onLeave(() => document.removeEventListener("keydown", pressed));

  const button = (key, symbol, label, action) => {
    const made = make("button", { type: "button" }, icon(symbol), label, key ? make("kbd", { "aria-hidden": "true" }, key.toUpperCase()) : "");
    made.addEventListener("click", action);
    return made;
  };
  root.append(
    make("p", {}, make("a", { href: "#pictures", class: "back" }, icon("left"), t("step.pictures"))),
    make("header", { class: "wall-head" },
      make("h1", {}, t("wall.title"), " ", isolate(word, { class: "word-text" })),
      counts,
      make("div", { class: "row" },
        button("z", "retry", t("wall.undo"), takeBack),
        button("r", "no", t("wall.rest"), rest),
        button("w", "right", t("wall.nextWord"), () => otherWord(1)),
        saved)),
    make("p", { class: "hint" }, t("wall.keys")),
    proposalNote(context, can_propose, proposed.length, verdicts),
    tiles.length ? wall : make("p", {}, t("wall.noPictures")),
  );
  for (const image of order) draw(image);
  drawCounts();
  if (tiles.length) moveTo(0);
}

// Proposals first, the likeliest in front; then what is decided, as it was.
function wallOrder(pictures, state, proposed) {
  const first = proposed.filter((image) => state.has(image));
  const listed = new Set(first);
  const rest = pictures.map(({ image }) => image).filter((image) => !listed.has(image));
  const open = rest.filter((image) => state.get(image) === "undecided");
  return [...first, ...open, ...rest.filter((image) => state.get(image) !== "undecided")];
}

function proposalNote(context, canPropose, count, verdicts) {
  const { t, http } = context;
  if (!canPropose || count) return "";
  const yes = Object.values(verdicts).filter((verdict) => verdict === "yes").length;
  if (yes < 2) return make("p", { class: "hint" }, t("wall.proposalsLater"));
  const button = make("button", { type: "button" }, icon("learn"), t("wall.propose"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await http.post("/api/studio/jobs/vectors/start");
      context.notice(t("wall.proposing"));
    } catch (error) {
      context.problem(error);
    }
  });
  return make("p", {}, button);
}

// The small version of a picture; what it shows is said beside it.
export const thumbnail = (image) =>
  make("img", { src: `/api/studio/pictures/${encodeURIComponent(image)}/thumbnail`, alt: "", loading: "lazy", decoding: "async", width: 160, height: 120, draggable: "false" });
