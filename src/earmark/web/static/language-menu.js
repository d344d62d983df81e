// The menu of the page's languages: each catalogue in strings/ is one.

import { find, make } from "./dom.js";
import { get } from "./http.js";
import { currentLanguage, preferredLanguage, t, useLanguage } from "./i18n.js";

// Shows the page in the preferred language; `changed()` is called when another is chosen.
export async function startLanguage(changed) {
  const languages = await get("/api/languages");
  await useLanguage(preferredLanguage(languages.map(({ code }) => code)));
  const menu = find("#page-language");
  menu.replaceChildren(...languages.map(({ code, name }) =>
    make("option", { value: code, lang: code, selected: code === currentLanguage() }, name)));
  menu.addEventListener("change", async () => {
    await useLanguage(menu.value, true);
    nameMenu(menu);
    changed();
  });
  nameMenu(menu);
  menu.closest("label").hidden = false;
}

const nameMenu = (menu) => menu.setAttribute("aria-label", t("page.language"));
