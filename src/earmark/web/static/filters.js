// Which recordings are searched, and how far down the ranked list goes.

import { FILTERS } from "./address.js";
import { find, make } from "./dom.js";
import { WORDS } from "./i18n.js";

const ALARMS_AN_HOUR = [1, 3, 10, 30];

const field = (name) => find(`#filter-${name}`);

// `changed()` is called when a person has set another filter.
export function startFilters({ speakers, languages, has_fa_per_hour }, changed) {
  offer(field("speaker"), speakers);
  offer(field("language"), languages);
  field("fa_per_hour").append(
    make("option", { value: "" }, WORDS.alarmsAll),
    ...ALARMS_AN_HOUR.map((count) => make("option", { value: count }, WORDS.alarmsOf(count))),
  );
  field("fa_per_hour").parentElement.hidden = !has_fa_per_hour;
  for (const name of FILTERS) field(name).addEventListener("change", () => { count(); changed(); });
  find("#clear-filters").addEventListener("click", () => { setFilters({}); changed(); });
  count();
}

function offer(select, values) {
  select.append(make("option", { value: "" }, WORDS.any), ...values.map((value) => make("option", { value }, value)));
  select.parentElement.hidden = !values.length;
}

export function filtersNow() {
  const set = FILTERS.map((name) => [name, field(name).value.trim()]).filter(([, value]) => value);
  return Object.fromEntries(set);
}

export function setFilters(filters) {
  for (const name of FILTERS) field(name).value = filters[name] ?? "";
  count();
}

function count() {
  const set = Object.keys(filtersNow()).length;
  find("#filters summary .label").textContent = set ? WORDS.filtersSet(set) : WORDS.filters;
  find("#clear-filters").hidden = !set;
}
