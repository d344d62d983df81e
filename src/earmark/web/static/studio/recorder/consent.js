// Consent: as speech, as a picture of a form, or a text that was read out. It is the first item of a session.

import { icon, make } from "../../dom.js";
import { MicrophoneError, openMicrophone } from "./microphone.js";
import { microphoneProblem } from "./microphone-panel.js";
import { newId } from "./outbox.js";
import { sha256, wavFile, warningsOf } from "./sound.js";

const SPOKEN = ".m4a,.mp3,.wav,.mp4,.flac,.ogg,.webm";

export async function consentPanel(stage, state, done) {
  const { t, session } = state;
  const given = async () => {
    session.has_consent = true;
    state.announce(t("consent.stored"));
    await done();
  };
  stage.replaceChildren(
    make("h2", {}, t("consent.title")),
    make("p", {}, t("consent.about")),
    session.consent_text ? make("blockquote", { dir: "auto" }, session.consent_text) : "",
    make("div", { class: "cards consents" }, spoken(state, given), pictured(state, given), written(state, given)),
  );
}

function card(name, t, ...content) {
  return make("section", { class: "card" }, make("h3", {}, icon(name), t(`consent.${name}`)), ...content);
}

function spoken(state, given) {
  const { t } = state;
  const button = make("button", { type: "button", class: "main" }, icon("record"), t("consent.speak"));
  button.addEventListener("click", async () => {
    try {
      if (!state.microphone?.recording) {
        state.microphone ??= await openMicrophone();
        state.microphone.start();
        button.replaceChildren(icon("stop"), t("consent.stop"));
        return;
      }
      const { samples, sampleRate, clock_s } = await state.microphone.stop();
      button.replaceChildren(icon("record"), t("consent.speak"));
      const unusable = warningsOf(samples, sampleRate, clock_s).find((warning) => ["silence", "clock", "short"].includes(warning));
      if (unusable) state.problem(t(`warning.${unusable}`));
      else await store(state, "speech", wavFile(samples, sampleRate), given);
    } catch (error) {
      state.problem(error instanceof MicrophoneError ? microphoneProblem(error, t) : error);
    }
  });
  return card("record", t, button, fileButton(state, "speech", SPOKEN, "consent.file", given));
}

const pictured = (state, given) => card("pictures", state.t, fileButton(state, "picture", "image/jpeg,image/png", "consent.picture", given));

function written(state, given) {
  const { t, session } = state;
  const text = make("textarea", { rows: 3, dir: "auto", maxlength: 10_000, "aria-label": t("consent.words") });
  text.value = session.consent_text;
  const tick = make("input", { type: "checkbox" });
  const button = make("button", { type: "button" }, icon("yes"), t("consent.store"));
  button.addEventListener("click", async () => {
    try {
      if (!tick.checked) throw new Error(t("consent.tickFirst"));
      await state.http.post(`${state.address}/consents`, { text: text.value });
      state.problem("");
      await given();
    } catch (error) {
      state.problem(error.message);
    }
  });
  return card("learn", t, text, make("label", { class: "switch" }, tick, make("span", {}, t("consent.agreed"))), button);
}

function fileButton(state, kind, accept, label, given) {
  const input = make("input", { type: "file", accept, class: "hidden-label" });
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (file) await store(state, kind, await file.arrayBuffer(), given).catch(state.problem);
  });
  return make("label", { class: "file" }, icon("add"), make("span", {}, state.t(label)), input);
}

async function store(state, kind, bytes, given) {
  const sum = await sha256(bytes);
  await state.outbox.add({
    id: newId(), kind: "consent", bytes, sha256: sum,
    address: `${state.address}/consents/${kind}`, parameters: { project: state.session.project },
  });
  state.problem("");
  await given();
}
