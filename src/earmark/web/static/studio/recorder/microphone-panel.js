// Turns the microphone on, and says what to do where that fails. A file button is always there.

import { icon, make } from "../../dom.js";
import { MicrophoneError, isSupported, openMicrophone, permission } from "./microphone.js";
import { recorderView } from "./recorder-view.js";

export const microphoneProblem = ({ reason }, t) => t(`microphone.${reason}`);

export async function microphonePanel(stage, state, done) {
  const { t } = state;
  const button = make("button", { type: "button", class: "main", id: "microphone-on" }, icon("record"), t("microphone.turnOn"));
  const files = make("button", { type: "button", class: "quiet", id: "only-files" }, icon("recordings"), t("microphone.onlyFiles"));
  const instructions = make("p", { class: "instructions" });
  const explain = (reason) => { instructions.textContent = reason ? t(`microphone.${reason}`) : ""; };
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      state.microphone = await openMicrophone();
      await done();
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      explain(error.reason);
    } finally {
      button.disabled = false;
    }
  });
  files.addEventListener("click", () => recorderView(stage, state, done));
  stage.replaceChildren(
    make("h2", {}, t("microphone.title")),
    make("p", {}, t("microphone.about")),
    instructions,
    make("div", { class: "row" }, ...(isSupported() ? [button] : []), files),
  );
  if (!isSupported()) explain("insecure");
  else if ((await permission()) === "denied") explain("denied");
}
