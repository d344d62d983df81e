// The page of a phone: it is let in by the token of the square code, and then has the recorder of one speaker.

import { find, isolate, make } from "../../dom.js";
import * as http from "../../http.js";
import { t } from "../../i18n.js";
import { startLanguage } from "../../language-menu.js";
import { Outbox } from "./outbox.js";
import { startSession } from "./session.js";

const GIVE_UP_S = 60; // for takes of the speaker before, when the phone changes hands

async function start() {
  await startLanguage(() => location.reload()); // what is not sent yet is in the browser's database
  const speaker = await join();
  await open(speaker);
  document.body.dataset.started = "";
}

// The speaker of this phone. A new token makes it another's, after all that it holds of the last one is sent.
async function join() {
  const token = location.hash.slice(1);
  const known = await http.get("/api/phone").catch((error) => {
    if (error.status === 401) return null;
    throw error;
  });
  if (!token) {
    if (known) return known.speaker;
    throw new Error(t("phone.scan"));
  }
  if (known) await sendAll(known.speaker);
  try {
    const { speaker } = await http.post("/api/phone/join", { token });
    history.replaceState(null, "", "/"); // the token is used up
    return speaker;
  } catch (error) {
    if (error.status === 401 && known) return known.speaker; // the page was only loaded again
    throw error;
  }
}

async function sendAll(speaker) {
  const { project } = await http.get(`/api/studio/speakers/${speaker}/session`);
  const outbox = await new Outbox({ project, speaker, http }).open();
  const end = Date.now() + GIVE_UP_S * 1000;
  while ((await outbox.entries()).some(({ id }) => !outbox.refused.has(id)) && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  outbox.close();
}

let leaving = [];

async function open(speaker) {
  for (const end of leaving.splice(0)) end();
  const root = make("div", {});
  find("#step").replaceChildren(root);
  showProblem("");
  await startSession(root, {
    t, http, speaker,
    problem: showProblem,
    announce: (sentence) => find("#announcements").replaceChildren(make("p", {}, sentence)),
    onLeave: (end) => leaving.push(end),
    onWaiting: (waiting) => http.post("/api/phone/waiting", { waiting }).catch(() => {}),
  });
}

function showProblem(what) {
  const text = what instanceof Error ? what.message : what;
  find("#problem").replaceChildren(isolate(text));
  find("#problem").hidden = !text;
}

start().catch(showProblem);
