// What judging teaches: how many hits are left, the word's threshold, and the switch for hits whose judgement teaches most.

import { find } from "./dom.js";
import { STRINGS } from "./i18n.js";
import { restoreMixed, setMixed } from "./search.js";
import { update, watch } from "./state.js";

const WHO_JUDGES = "earmark who judges";

export function startTeaching() {
  watch(["phase", "left", "pays", "threshold", "judged", "mixed"], draw);
  startWhoJudges();
  restoreMixed();
  find("#mixed").addEventListener("change", ({ target }) => setMixed(target.checked));
}

// Who judges: as the server was started, unless this browser has another name.
function startWhoJudges() {
  const field = find("#who-judges");
  watch(["archive"], ({ archive }) => {
    let known = null;
    try {
      known = localStorage.getItem(WHO_JUDGES);
    } catch {
      // Without storage the name is the server's.
    }
    field.value = known ?? archive.judge;
    update({ judge: field.value });
  });
  field.addEventListener("change", () => {
    update({ judge: field.value.trim() });
    try {
      localStorage.setItem(WHO_JUDGES, field.value.trim());
    } catch {
      // Without storage the name is this page's alone.
    }
  });
}

function draw({ phase, left, pays, threshold, judged, mixed }) {
  const isShown = phase === "results" && judged.yes + judged.related + judged.no > 0;
  const sentences = [left && STRINGS.left(left), !pays && STRINGS.doesNotPay].filter(Boolean);
  find("#left").textContent = isShown ? sentences.join(" ") : "";
  find("#threshold-of-word").textContent = phase === "results" && threshold ? STRINGS.threshold(threshold) : "";
  find("#mixing").hidden = !isShown;
  find("#mixed").checked = mixed;
}
