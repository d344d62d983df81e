// Gives a query with a clip or an example a name, by which it is found again.

import { getLexicon, nameQuery } from "./api.js";
import { find } from "./dom.js";
import { t } from "./i18n.js";
import { state, update, watch } from "./state.js";

const form = find("#naming");
const box = find("#word-name");

export function startNaming() {
  watch(["query", "phase"], ({ query }) => { form.hidden = !/^(clip|example):/.test(query); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const word = box.value.trim();
    if (!word) return;
    try {
      const kept = await nameQuery(state.query, word);
      box.value = "";
      form.hidden = true;
      const words = await getLexicon();
      // From here on, judgements are the word's.
      update({ archive: { ...state.archive, words }, query: kept.word, name: kept.word, announcement: t("query.kept", { word: kept.word }) });
    } catch (error) {
      update({ problem: error.message });
    }
  });
}
