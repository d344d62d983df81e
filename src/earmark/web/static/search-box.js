// The search box: a word, a picture, or a candidate that more are to be like.

import { askedInAddress, writeAddress } from "./address.js";
import { find, icon, make, name } from "./dom.js";
import { filtersNow, setFilters, startFilters } from "./filters.js";
import { drawThumbnail, startPicture } from "./image-query.js";
import { searchFor } from "./search.js";
import { meant } from "./spelling.js";
import { change, state, whenever } from "./state.js";
import { closeSuggestions, startSuggestions } from "./suggestions.js";
import { WORDS } from "./i18n.js";

const box = find("#word");

export function startAsking() {
  const { archive } = state;
  box.disabled = !archive.accepts_keywords;
  box.placeholder = archive.accepts_keywords ? WORDS.wordPlaceholder : WORDS.picturePlaceholder;
  find("#choose-picture").hidden = !archive.accepts_images;
  find("#asking").addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim()) askWord(meant(box.value, archive.keywords));
  });
  find("#take-away").addEventListener("click", () => {
    change({ phase: "start", asked: null, query: "", hits: [], current: -1 });
    writeAddress("", filtersNow());
    box.focus();
  });
  startSuggestions(askWord);
  startPicture((picture) => searchFor({ picture, filters: filtersNow() }));
  startFilters(archive, () => state.asked && searchFor({ ...state.asked, filters: filtersNow() }));
  whenever(["asked"], drawAsked);
  whenever(["query"], ({ query, asked }) => asked && writeAddress(query, asked.filters));
  whenever(["name"], ({ name: called }) => { find("#asked bdi").textContent = called; });
  addEventListener("popstate", askAddress);
}

export function askWord(word) {
  closeSuggestions();
  box.blur(); // the keys judge from here on
  searchFor({ query: word, filters: filtersNow() });
}

export const askLike = (hit) => searchFor({ query: `example:${hit.position}`, filters: filtersNow() });

// Whatever the page's address asks for.
export function askAddress() {
  const { query, filters } = askedInAddress();
  setFilters(filters);
  if (query) searchFor({ query, filters });
  else change({ phase: "start", asked: null, query: "", hits: [], current: -1 });
}

const isWord = ({ query, picture }) => !picture && !/^(image|example):/.test(query);

// What was asked, in the box if it is a word and else as a chip beside it.
async function drawAsked({ asked }) {
  const chip = find("#asked");
  chip.hidden = !asked || isWord(asked);
  box.value = asked && isWord(asked) ? asked.query : "";
  if (chip.hidden) return;
  const canvas = make("canvas", { role: "img", "aria-label": WORDS.picture(asked.picture?.name || WORDS.pastedPicture) });
  const seen = asked.picture && (await drawThumbnail(canvas, asked.picture));
  if (state.asked !== asked) return;
  find("#asked .thumbnail").replaceChildren(seen ? canvas : icon(asked.query?.startsWith("example:") ? "like" : "picture"));
}
