// What is searched, and how far to trust what is found: always in sight, and quiet.

import { find, make, name } from "./dom.js";
import { whenever } from "./state.js";
import { WORDS } from "./i18n.js";

export function startAbout() {
  whenever(["archive"], ({ archive }) => {
    if (!archive) return;
    find("#archive-name").replaceChildren(name(archive.name));
    find("#archive-facts").textContent = WORDS.archiveFacts(archive);
    find("#indexing").hidden = !archive.indexing;
    find("#expected").textContent = archive.expected;
    const { model, licence, consent } = archive;
    const facts = [
      [WORDS.modelName, model],
      [WORDS.licence, licence || WORDS.notStated],
      [WORDS.consent, consent || WORDS.notStated],
    ];
    const pairs = facts.map(([what, said]) => make("div", {}, make("dt", {}, what), make("dd", {}, name(said))));
    find("#origin").replaceChildren(...pairs);
  });
}
