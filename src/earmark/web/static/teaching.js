// What judging teaches: how many hits are left, the word's threshold, and the switch for hits whose judgement teaches most.

import { find } from "./dom.js";
import { formatNumber, formatScore, t } from "./i18n.js";
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
  const sentences = [left && leftSentence(left), !pays && t("judge.doesNotPay")].filter(Boolean);
  find("#left").textContent = isShown ? sentences.join(" ") : "";
  find("#threshold-of-word").textContent = phase === "results" && threshold ? thresholdSentence(threshold) : "";
  find("#mixing").hidden = !isShown;
  find("#mixed").checked = mixed;
}

function leftSentence({ expected, low, high, sampled }) {
  const range = { expected: Math.round(expected), low: Math.floor(low), high: Math.ceil(high) };
  return t("judge.left", { ...range, count: sampled });
}

function thresholdSentence({ score, false_alarms_per_hour, low, high, precision, judged }) {
  const found = { score: formatScore(score), rate: formatRate(false_alarms_per_hour) };
  if (!judged) return t("judge.thresholdOfModel", found);
  const range = { low: formatRate(low), high: formatRate(high) };
  return t("judge.threshold", { ...found, ...range, percent: Math.round(100 * precision), count: judged });
}

const formatRate = (rate) => formatNumber(Number(rate.toPrecision(2)), 3);
