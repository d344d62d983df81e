// The search box: a word with its suggestions, an image, or a spoken example; filters; and the page's address.

import { find, icon, isolate, make } from "./dom.js";
import { t } from "./i18n.js";
import { startClipInput } from "./clip-query.js";
import { startNaming } from "./lexicon.js";
import { drawThumbnail, startImageInput } from "./image-query.js";
import { searchFor } from "./search.js";
import { state, update, watch } from "./state.js";

const MAX_SUGGESTIONS = 8;
const FILTERS = ["folder", "speaker", "date", "language", "fa_per_hour"];
const FALSE_ALARMS_PER_HOUR = [1, 3, 10, 30];
const NO_SEARCH = { phase: "start", request: null, query: "", hits: [], current: -1 };

const box = find("#word");
const list = find("#suggestions");

export function startSearchBox() {
  const { archive } = state;
  const takesWords = archive.accepts_keywords || archive.words.length > 0;
  box.disabled = !takesWords;
  box.placeholder = t(takesWords ? "query.typeWord" : archive.accepts_images ? "query.givePicture" : "query.giveClip");
  find("#choose-image").hidden = !archive.accepts_images;
  find("#search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim()) searchWord(matchKeyword(box.value, knownWords()));
  });
  find("#clear-query").addEventListener("click", () => {
    update(NO_SEARCH);
    writeAddress("", readFilters());
    box.focus();
  });
  startSuggestions();
  startImageInput((image) => searchFor({ image, filters: readFilters() }));
  startClipInput((query) => searchFor({ query, filters: readFilters() }));
  startNaming();
  startFilters(archive);
  watch(["request"], drawQuery);
  watch(["query"], ({ query, request }) => request && writeAddress(query, request.filters));
  watch(["name"], ({ name }) => { find("#query-chip bdi").textContent = name; });
  addEventListener("popstate", searchFromAddress);
}

// The model's keywords and the words of the lexicon.
const knownWords = () => [
  ...new Set([...(state.archive?.keywords ?? []), ...(state.archive?.words ?? []).map(({ word }) => word)]),
];

export function searchWord(word) {
  closeSuggestions();
  box.blur(); // the shortcuts judge from here on
  searchFor({ query: word, filters: readFilters() });
}

export const searchByExample = (hit) => searchFor({ query: `example:${hit.position}`, filters: readFilters() });

const isWord = ({ query, image }) => !image && !/^(image|example|clip):/.test(query);

// A word stands in the box; an image or an example is a chip beside it.
async function drawQuery({ request }) {
  const chip = find("#query-chip");
  chip.hidden = !request || isWord(request);
  box.value = request && isWord(request) ? request.query : "";
  if (chip.hidden) return;
  const label = t("query.picture", { name: request.image?.name || t("query.pasted") });
  const canvas = make("canvas", { role: "img", "aria-label": label });
  const drawn = request.image && (await drawThumbnail(canvas, request.image));
  if (state.request !== request) return;
  const isSound = /^(example|clip):/.test(request.query);
  const symbol = icon(isSound ? "example" : "image");
  find("#query-chip .thumbnail").replaceChildren(drawn ? canvas : symbol);
}

// The page's address holds the query and the filters, so that going back and reloading repeat the search.

export function searchFromAddress() {
  const parameters = new URLSearchParams(location.search);
  const given = FILTERS.filter((name) => parameters.get(name)).map((name) => [name, parameters.get(name)]);
  const filters = Object.fromEntries(given);
  writeFilters(filters);
  const query = parameters.get("query");
  if (query) searchFor({ query, filters });
  else update(NO_SEARCH);
}

function writeAddress(query, filters) {
  const address = `?${new URLSearchParams({ query, ...filters })}`;
  if (address !== location.search) history.pushState(null, "", address);
}

// Filters: which recordings are searched, and the threshold.

const field = (name) => find(`#filter-${name}`);

function startFilters({ speakers, languages, has_fa_per_hour }) {
  fillOptions(field("speaker"), speakers);
  fillOptions(field("language"), languages);
  field("fa_per_hour").append(
    make("option", { value: "" }, t("filter.all")),
    ...FALSE_ALARMS_PER_HOUR.map((count) => make("option", { value: count }, t("filter.falseAlarms", { count }))),
  );
  field("fa_per_hour").parentElement.hidden = !has_fa_per_hour;
  const repeatSearch = () => state.request && searchFor({ ...state.request, filters: readFilters() });
  for (const name of FILTERS) field(name).addEventListener("change", () => { drawFilterCount(); repeatSearch(); });
  find("#clear-filters").addEventListener("click", () => { writeFilters({}); repeatSearch(); });
  drawFilterCount();
}

function fillOptions(select, values) {
  select.append(make("option", { value: "" }, t("filter.any")), ...values.map((value) => make("option", { value }, value)));
  select.parentElement.hidden = !values.length;
}

function readFilters() {
  return Object.fromEntries(FILTERS.map((name) => [name, field(name).value.trim()]).filter(([, value]) => value));
}

export function writeFilters(filters) {
  for (const name of FILTERS) field(name).value = filters[name] ?? "";
  drawFilterCount();
}

function drawFilterCount() {
  const count = Object.keys(readFilters()).length;
  find("#filters summary .label").textContent = count ? t("filter.set", { number: count }) : t("filter.title");
  find("#clear-filters").hidden = !count;
}

// Suggestions: a list box below the box, operated with keys, a mouse or a finger.

let marked = -1;

function startSuggestions() {
  box.addEventListener("input", openSuggestions);
  box.addEventListener("blur", closeSuggestions);
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing) return;
    if (step && list.hidden) openSuggestions();
    if (step && !list.hidden) mark(marked + step);
    else if (event.key === "Escape" && !list.hidden) closeSuggestions();
    else if (event.key === "Enter" && marked >= 0) searchWord(list.children[marked].textContent);
    else return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the keyboard
  list.addEventListener("click", ({ target }) => {
    const option = target.closest("[role=option]");
    if (option) searchWord(option.textContent);
  });
}

function openSuggestions() {
  const words = suggestKeywords(box.value, knownWords());
  list.replaceChildren(...words.map((word, i) => make("li", { role: "option", id: `option-${i}` }, isolate(word))));
  list.hidden = !words.length;
  box.setAttribute("aria-expanded", !list.hidden);
  mark(-1);
}

function closeSuggestions() {
  list.hidden = true;
  box.setAttribute("aria-expanded", false);
  mark(-1);
}

function mark(index) {
  const count = list.children.length;
  marked = index < -1 ? count - 1 : index >= count ? -1 : index;
  [...list.children].forEach((option, i) => option.setAttribute("aria-selected", i === marked));
  if (marked >= 0) box.setAttribute("aria-activedescendant", `option-${marked}`);
  else box.removeAttribute("aria-activedescendant");
}

// Spelling: Unicode form, case and spaces never matter; marks, such as those of tone, only between equals.

const normalise = (word) => word.normalize("NFC").toLowerCase().trim().replace(/\s+/g, " ").normalize("NFC");

const withoutMarks = (word) => normalise(word).normalize("NFD").replace(/\p{M}/gu, "");

// Keywords that start with the typed text, then those that do but for marks, then those that contain it.
function suggestKeywords(typed, keywords) {
  const exact = normalise(typed);
  const bare = withoutMarks(typed);
  if (!bare) return [];
  const rank = (keyword) => {
    if (normalise(keyword).startsWith(exact)) return 0;
    if (withoutMarks(keyword).startsWith(bare)) return 1;
    return withoutMarks(keyword).includes(bare) ? 2 : 3;
  };
  const ranked = keywords.map((keyword) => [rank(keyword), keyword]).filter(([at]) => at < 3);
  return ranked.sort(([a], [b]) => a - b).slice(0, MAX_SUGGESTIONS).map(([, keyword]) => keyword);
}

// The keyword that equals the typed text, if need be without marks; else the text itself.
function matchKeyword(typed, keywords) {
  const equal = (form) => keywords.filter((keyword) => form(keyword) === form(typed));
  const [exact] = equal(normalise);
  const bare = equal(withoutMarks);
  return exact ?? (bare.length === 1 ? bare[0] : typed.normalize("NFC").trim());
}
