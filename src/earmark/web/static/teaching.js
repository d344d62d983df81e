// What judging teaches: how many hits are left, the word's threshold, and the switch for hits whose judgement teaches most.

import { find } from "./dom.js";
import { STRINGS } from "./i18n.js";
import { restoreMixed, setMixed } from "./search.js";
import { watch } from "./state.js";

export function startTeaching() {
  watch(["phase", "left", "pays", "threshold", "judged", "mixed"], draw);
  restoreMixed();
  find("#mixed").addEventListener("change", ({ target }) => setMixed(target.checked));
}

function draw({ phase, left, pays, threshold, judged, mixed }) {
  const isShown = phase === "results" && judged.yes + judged.related + judged.no > 0;
  const sentences = [left && STRINGS.left(left), !pays && STRINGS.doesNotPay].filter(Boolean);
  find("#left").textContent = isShown ? sentences.join(" ") : "";
  find("#threshold-of-word").textContent = phase === "results" && threshold ? STRINGS.threshold(threshold) : "";
  find("#mixing").hidden = !isShown;
  find("#mixed").checked = mixed;
}
