// One speaker's recording session, on the laptop and on a phone: consent first, then the microphone, then the prompts.
//
// `place` is what surrounds it: { t, http, speaker, problem(what), announce(text), onLeave(end) }.

import { icon, isolate, make } from "../../dom.js";
import { consentPanel } from "./consent.js";
import { Outbox } from "./outbox.js";
import { microphonePanel } from "./microphone-panel.js";
import { recorderView } from "./recorder-view.js";

export async function startSession(root, place) {
  const { t, http, speaker } = place;
  const address = `/api/studio/speakers/${speaker}`;
  const session = await http.get(`${address}/session`);
  const waiting = waitingLine(t);
  const stuck = make("ul", { class: "stuck plain-list" });
  const outbox = await new Outbox({
    project: session.project,
    speaker,
    http,
    onChange: (box) => {
      waiting.show(box);
      drawStuck(stuck, box, t);
      place.onWaiting?.(box.waiting);
    },
    onStored: (entry, answer) => place.onStored?.(entry, answer),
  }).open();
  const state = { ...place, address, session, outbox, microphone: null };
  const stage = make("div", { class: "stage" });
  root.append(
    make("header", { class: "session" }, make("h1", {}, isolate(session.name || session.speaker)), waiting.element),
    stuck,
    stage,
  );
  waiting.onRetry = () => outbox.retry();
  guardLeaving(state);
  keepAwake(state);
  const show = async () => {
    if (!state.session.has_consent) await consentPanel(stage, state, show);
    else if (!state.microphone) await microphonePanel(stage, state, show);
    else recorderView(stage, state, show);
  };
  await show();
}

// "3 takes are still in this browser", and why.
function waitingLine(t) {
  const line = { element: make("p", { class: "waiting", role: "status" }), onRetry: () => {} };
  line.show = ({ waiting, failures, refused, problem }) => {
    const text = waiting ? t("recorder.waiting", { count: waiting }) : t("recorder.allStored");
    const retry = make("button", { type: "button", class: "quiet" }, icon("retry"), t("recorder.sendAgain"));
    retry.addEventListener("click", () => line.onRetry());
    const isStuck = waiting && (failures > 1 || refused.size);
    line.element.dataset.waiting = waiting;
    line.element.replaceChildren(icon(waiting ? "phone" : "yes"), text, ...(isStuck ? [make("small", {}, problem), retry] : []));
  };
  return line;
}

// What the server will never take stays in the browser until people have saved it as a file.
async function drawStuck(list, outbox, t) {
  const found = await outbox.stuck();
  const shown = found.map(({ entry }) => entry.id).join();
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  list.replaceChildren(...found.map(({ entry, reason }) => {
    const address = URL.createObjectURL(new Blob([entry.bytes]));
    const save = make("a", { class: "button", href: address, download: `${entry.speaker}-${entry.id}${endingOf(entry.bytes)}` }, icon("recordings"), t("recorder.saveFile"));
    const remove = make("button", { type: "button", class: "quiet", hidden: true }, icon("no"), t("recorder.removeHere"));
    save.addEventListener("click", () => { remove.hidden = false; });
    remove.addEventListener("click", () => {
      URL.revokeObjectURL(address);
      outbox.remove(entry.id);
    });
    return make("li", { class: "card row" }, isolate(reason, { class: "grow" }), save, remove);
  }));
}

// What is recorded here is a wav file; the content of others says what they are to every player.
const endingOf = (bytes) => (new TextDecoder("latin1").decode(bytes.slice(0, 4)) === "RIFF" ? ".wav" : "");

function guardLeaving(state) {
  const guard = (event) => {
    if (state.outbox.waiting || state.microphone?.recording) event.preventDefault();
  };
  addEventListener("beforeunload", guard);
  state.onLeave(() => {
    removeEventListener("beforeunload", guard);
    state.outbox.close();
    state.microphone?.close();
    state.microphone = null;
  });
}

// The screen stays on while somebody records; the browser lets go of it whenever the page is hidden.
function keepAwake(state) {
  let lock = null;
  const hold = async () => {
    if (document.visibilityState === "visible") lock = await navigator.wakeLock?.request("screen").catch(() => null);
  };
  document.addEventListener("visibilitychange", hold);
  hold();
  state.onLeave(() => {
    document.removeEventListener("visibilitychange", hold);
    lock?.release();
  });
}
