// Text of all pages, from one catalogue a language: strings/CODE.json. A translation is one more file.
//
// A value is a sentence with {names} to fill in, or an object with a sentence for each plural form that the language has
// ("one", "other", ...), chosen by {count}.

const STORED = "earmark language";
const FALLBACK = "en";
const ISOLATE = ["\u2068", "\u2069"]; // keep what is filled in from mixing with text of the other direction

let language = FALLBACK;
let strings = {};
let fallback = {};
let direction = "ltr";

// The language that was chosen in this browser, else the first of the browser's own that there is.
export function preferredLanguage(available) {
  const wanted = [storedLanguage(), ...navigator.languages].filter(Boolean);
  const base = wanted.map((code) => code.toLowerCase().split("-")[0]);
  return base.find((code) => available.includes(code)) ?? FALLBACK;
}

export async function useLanguage(code, remember = false) {
  [strings, fallback] = await Promise.all([read(code), code === FALLBACK ? {} : read(FALLBACK)]);
  language = code;
  direction = strings["language.direction"];
  document.documentElement.lang = code;
  document.documentElement.dir = direction;
  if (remember) storeLanguage(code);
}

export const currentLanguage = () => language;

export const hasText = (key) => key in strings;

export function t(key, values = {}) {
  const found = strings[key] ?? fallback[key] ?? key;
  const text = typeof found === "string" ? found : (found[pluralForm(values.count)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? formatted(values[name]) : whole));
}

// Fills in the elements that name a string: as their content, label, tooltip or placeholder.
export function translate(root) {
  const each = (name, fill) => {
    for (const element of root.querySelectorAll(`[${name}]`)) fill(element, t(element.getAttribute(name)));
  };
  each("data-i18n", (element, text) => { element.textContent = text; });
  each("data-i18n-label", (element, text) => element.setAttribute("aria-label", text));
  each("data-i18n-title", (element, text) => { element.title = text; });
  each("data-i18n-placeholder", (element, text) => { element.placeholder = text; });
}

export const formatNumber = (value, digits = 0) =>
  new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);

export const formatScore = (score) =>
  new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(score);

// "2 hours", "5 minutes", as people say it.
export function formatDuration(seconds) {
  if (seconds >= 36_000) return t("duration.hours", { count: Math.round(seconds / 3600) });
  if (seconds >= 3600) return t("duration.hours", { count: Math.round(seconds / 360) / 10 });
  if (seconds >= 60) return t("duration.minutes", { count: Math.round(seconds / 60) });
  return t("duration.seconds", { count: Math.max(1, Math.round(seconds)) });
}

const pluralForm = (count) => new Intl.PluralRules(language).select(Number(count ?? 0));

function formatted(value) {
  if (typeof value === "number") return formatNumber(value, 1);
  return direction === "rtl" ? `${ISOLATE[0]}${value}${ISOLATE[1]}` : value;
}

function storedLanguage() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // without storage the browser's own languages count
  }
}

function storeLanguage(code) {
  try {
    localStorage.setItem(STORED, code);
  } catch {
    // Without storage the choice is this page's alone.
  }
}

async function read(code) {
  const response = await fetch(`/static/strings/${code}.json`);
  if (!response.ok) throw new Error(response.statusText);
  return response.json();
}
