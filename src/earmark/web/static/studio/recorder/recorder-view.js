// The recorder: the picture large, one key that records and stops, redo, skip, back.

import { icon, isolate, make } from "../../dom.js";
import { keyOf } from "../../keyboard.js";
import { devices, openMicrophone, MicrophoneError } from "./microphone.js";
import { asBytes, newId } from "./outbox.js";
import { Prompts } from "./prompts.js";
import { SATURATED, meterLevel, sha256, warningsOf, wavFile } from "./sound.js";

const FILES = ".m4a,.mp3,.wav,.mp4,.flac,.ogg,.opus,.aac,.webm,.3gp"; // iOS shows its voice memos for endings alone
const AHEAD = 5; // pictures
const TEXT_INPUT = "input:not([type=checkbox]), textarea, select, [contenteditable]";
const UNUSABLE = ["silence", "clock"]; // such a take is stored, and the prompt stays open
const SECOND_MS = 1000;

export function recorderView(stage, state, restart) {
  const view = new RecorderView(stage, state, restart);
  view.draw();
  return view;
}

class RecorderView {
  constructor(stage, state, restart) {
    Object.assign(this, { stage, state, restart });
    this.t = state.t;
    this.prompts = state.prompts ??= new Prompts(state.session.prompts);
    this.pictures = state.pictures ??= new Map();
    this.last = null; // the last take: its prompt's place, its bytes and its id
    this.following = null; // the take whose translation is to come
    this.isBusy = false;
    this.stopKeys = new AbortController();
    document.addEventListener("keydown", (event) => this.pressed(event), { signal: this.stopKeys.signal });
    state.onLeave(() => this.end());
  }

  get microphone() {
    return this.state.microphone;
  }

  get isRecording() {
    return Boolean(this.microphone?.recording);
  }

  end() {
    this.stopKeys.abort();
    clearInterval(this.clock);
  }

  // Elements

  draw() {
    const { t } = this;
    this.figure = make("figure", { class: "prompt" });
    this.status = make("p", { class: "status", role: "status" });
    this.elapsed = make("span", { class: "elapsed", "aria-hidden": "true" });
    this.meter = make("div", { class: "meter", role: "meter", "aria-label": t("recorder.level"), "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 }, make("i"));
    this.main = this.button("record", "record", () => this.recordOrStop(), "main");
    this.redo = this.button("redo", "retry", () => this.again());
    this.skip = this.button("skip", "right", () => this.skipPrompt());
    this.back = this.button("back", "left", () => this.goBack());
    this.follow = make("div", { class: "follow" });
    this.player = make("audio", { controls: true, hidden: true, "aria-label": t("recorder.lastTake") });
    this.stage.replaceChildren(
      make("div", { class: "recorder" },
        make("p", { class: "done" }), this.figure, this.status, ...(this.microphone ? [this.meter] : []),
        make("div", { class: "keys" }, this.back, this.redo, ...(this.microphone ? [this.main] : []), this.skip),
        this.follow, this.player, this.fileButton(), ...(this.microphone ? [this.choice()] : [])),
    );
    if (this.microphone) this.listen();
    this.show();
  }

  button(name, drawing, act, kind = "") {
    const button = make("button", { type: "button", class: `act-${name} ${kind}`, "data-act": name }, icon(drawing), make("span", {}, this.t(`recorder.${name}`)), this.keyHint(name));
    button.addEventListener("click", (event) => {
      if (event.detail) button.blur(); // so that the space bar records, and does not press it again
      act();
    });
    return button;
  }

  keyHint(name) {
    return make("kbd", { "aria-hidden": "true" }, name === "record" ? this.t("keys.space") : KEYS[name]);
  }

  fileButton() {
    const input = make("input", { type: "file", accept: FILES, id: "take-file", class: "hidden-label" });
    input.addEventListener("change", async () => {
      const [file] = input.files;
      if (file) await this.store(await file.arrayBuffer(), {}).catch((error) => this.state.problem(error));
      input.value = "";
      this.show();
    });
    return make("label", { class: "file" }, icon("add"), make("span", {}, this.t("recorder.file")), input);
  }

  choice() {
    const select = make("select", {});
    const fill = async () => {
      const found = await devices();
      select.replaceChildren(...found.map(({ id, label }, i) =>
        make("option", { value: id, selected: id === this.microphone?.deviceId }, label || String(i + 1))));
    };
    select.addEventListener("change", async () => {
      await this.microphone.close();
      this.state.microphone = null;
      this.end();
      try {
        this.state.microphone = await openMicrophone(select.value);
      } catch (error) {
        this.state.problem(this.t(`microphone.${error.reason}`));
      }
      await this.restart();
    });
    navigator.mediaDevices.addEventListener("devicechange", fill, { signal: this.stopKeys.signal });
    fill();
    return make("label", { class: "choice" }, make("span", {}, this.t("microphone.choice")), select);
  }

  listen() {
    this.microphone.onLevel = (samples) => {
      const level = meterLevel(samples);
      this.meter.setAttribute("aria-valuenow", Math.round(level * 100));
      this.meter.firstChild.style.setProperty("inline-size", `${level * 100}%`);
      if (samples.some((sample) => Math.abs(sample) >= SATURATED)) this.meter.dataset.saturated = "";
      else delete this.meter.dataset.saturated;
    };
    this.microphone.onEnd = () => this.lost(new MicrophoneError("missing"));
  }

  async lost(error) {
    this.state.problem(this.t(`microphone.${error.reason ?? "unknown"}`));
    if (this.isRecording) await this.stop();
    this.state.microphone = null;
    this.end();
    await this.restart();
  }

  // What is on the screen

  show() {
    const { prompts, t } = this;
    const { prompt } = prompts;
    this.stage.querySelector(".done").textContent = t("recorder.done", { count: prompts.done, all: prompts.listed.length });
    this.stage.querySelector(".recorder").dataset.recording = this.isRecording;
    this.main.replaceChildren(icon(this.isRecording ? "stop" : "record"), make("span", {}, t(this.mainLabel())), this.keyHint("record"), this.elapsed);
    this.main.disabled = !prompt && !this.following;
    this.back.disabled = this.isRecording || !prompts.history.length;
    this.redo.disabled = !this.isRecording && !this.last;
    this.skip.disabled = !prompt && !this.following;
    if (this.following) return;
    this.figure.dataset.item = prompt?.id ?? "";
    this.figure.replaceChildren(...(prompt ? this.promptElements(prompt) : [make("p", { class: "lede" }, t(prompts.listed.length ? "recorder.allDone" : "recorder.noPrompts"))]));
    this.prefetch();
  }

  mainLabel() {
    if (this.isRecording) return "recorder.stop";
    return this.following ? "recorder.translate" : "recorder.record";
  }

  promptElements(prompt) {
    const { plan } = this.state.session;
    const sentence = prompt.question || this.t(`recorder.prompt.${plan.kind}`);
    const image = prompt.has_image ? make("img", { src: this.pictures.get(prompt.id) ?? this.pictureAddress(prompt), alt: "" }) : "";
    return [image, make("figcaption", {}, isolate(sentence), prompt.takes ? make("small", {}, this.t("recorder.takes", { count: prompt.takes })) : "")]
      .filter(Boolean);
  }

  pictureAddress({ id }) {
    return this.state.http.withParameters(`${this.state.address}/picture`, { item: id });
  }

  async prefetch() {
    for (const prompt of this.prompts.coming(AHEAD)) {
      if (this.pictures.has(prompt.id)) continue;
      try {
        const response = await fetch(this.pictureAddress(prompt));
        if (response.ok) this.pictures.set(prompt.id, URL.createObjectURL(await response.blob()));
      } catch {
        return; // the network is gone: they are loaded later
      }
    }
  }

  say(text, isWarning = false) {
    this.status.textContent = text;
    this.status.dataset.warning = isWarning;
  }

  // Keys

  pressed(event) {
    const { target } = event;
    const key = keyOf(event);
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (target.closest(TEXT_INPUT) || document.querySelector("dialog[open]")) return;
    if (key === " " && target.closest("button, a, summary")) return;
    const act = { " ": () => this.recordOrStop(), r: () => this.again(), s: () => this.skipPrompt(), arrowleft: () => this.goBack() }[key];
    if (!act || (!this.microphone && key === " ")) return;
    event.preventDefault();
    act();
  }

  async recordOrStop() {
    if (this.isBusy) return;
    if (this.isRecording) await this.stop();
    else if (this.prompts.prompt || this.following) this.start();
  }

  start() {
    this.state.problem("");
    this.player.pause();
    this.microphone.start();
    this.say(this.t("recorder.recording"));
    const from = performance.now();
    clearInterval(this.clock);
    const tick = () => { this.elapsed.textContent = clockText(Math.floor((performance.now() - from) / SECOND_MS)); };
    this.clock = setInterval(tick, SECOND_MS / 4);
    tick();
    this.show();
  }

  async stop() {
    this.isBusy = true;
    clearInterval(this.clock);
    this.elapsed.textContent = "";
    try {
      const { settings } = this.microphone;
      const { samples, sampleRate, clock_s } = await this.microphone.stop();
      const warnings = warningsOf(samples, sampleRate, clock_s);
      await this.store(wavFile(samples, sampleRate), {
        samples: samples.length, sample_rate: sampleRate, clock_s: clock_s.toFixed(3), settings: JSON.stringify(settings),
      }, warnings);
    } catch (error) {
      this.state.problem(error);
    } finally {
      this.isBusy = false;
      this.show();
    }
  }

  // Discards what is being said, or goes back to the last take, and records at once.
  again() {
    if (this.isBusy || (!this.isRecording && !this.last)) return;
    if (this.isRecording) this.microphone.discard();
    else if (!this.following) this.prompts.current = this.last.place;
    this.follow.replaceChildren();
    this.following = null;
    if (this.microphone) this.start();
    this.show();
  }

  skipPrompt() {
    if (this.isBusy) return;
    if (this.isRecording) this.microphone.discard();
    clearInterval(this.clock);
    this.elapsed.textContent = "";
    if (this.following) {
      this.next();
      return;
    }
    const { prompt } = this.prompts;
    if (!prompt) return;
    if (!prompt.takes) {
      prompt.is_skipped = true;
      this.state.outbox.add({
        id: newId(), kind: "skip", bytes: asBytes({ item: prompt.id }), type: "application/json", method: "POST",
        address: `${this.state.address}/skips`,
      });
    }
    this.say(this.t("recorder.skipped"));
    this.prompts.go();
    this.show();
  }

  goBack() {
    if (this.isBusy || this.isRecording || !this.prompts.back()) return;
    this.following = null;
    this.follow.replaceChildren();
    this.say("");
    this.show();
  }

  // Takes

  async store(bytes, counted, warnings = []) {
    const { session, address, outbox } = this.state;
    const { prompt, current } = this.prompts;
    const of = this.following;
    const id = newId();
    const sum = await sha256(bytes);
    await outbox.add({
      id, kind: "take", bytes, sha256: sum,
      address: `${address}/takes/${id}`,
      parameters: {
        sha256: sum, project: session.project, item: of?.item ?? prompt?.id, kind: of ? "translation" : session.plan.kind,
        question: of ? "" : prompt?.question, of: of?.id, recorded_at: new Date().toISOString(), ...counted,
      },
    });
    this.playable(bytes);
    const unusable = warnings.some((warning) => UNUSABLE.includes(warning));
    if (warnings.length) this.say(warnings.map((warning) => this.t(`warning.${warning}`)).join(" "), true);
    else this.say(this.t("recorder.stored"));
    this.state.announce(this.status.textContent);
    if (unusable || !prompt) return;
    if (of) {
      this.next();
      return;
    }
    this.prompts.taken();
    this.last = { place: current, id, item: prompt.id };
    if (session.plan.translation === "none") this.prompts.go();
    else this.followWith(session.plan.translation);
  }

  playable(bytes) {
    if (this.player.src) URL.revokeObjectURL(this.player.src);
    this.player.src = URL.createObjectURL(new Blob([bytes]));
    this.player.hidden = false;
  }

  // Respeaking: a translation, spoken or typed, of the take that was just recorded.
  followWith(kind) {
    this.following = this.last;
    if (kind === "spoken") {
      this.follow.replaceChildren(make("p", {}, this.t("recorder.translateAbout")));
      return;
    }
    const input = make("input", { type: "text", dir: "auto", maxlength: 10_000, id: "translation" });
    const form = make("form", {}, make("label", {}, make("span", {}, this.t("recorder.typeTranslation")), input), make("button", { class: "main" }, icon("yes"), this.t("recorder.next")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.sendTranslation(this.following.id, input.value);
      this.next();
    });
    this.follow.replaceChildren(form);
    input.focus();
  }

  // The take may still be on its way: the translation follows it.
  async sendTranslation(id, text) {
    if (!text.trim()) return;
    await this.state.outbox.add({
      id: newId(), kind: "translation", bytes: asBytes({ text }), type: "application/json",
      address: `${this.state.address}/takes/${id}/translation`,
    });
  }

  next() {
    this.following = null;
    this.follow.replaceChildren();
    this.prompts.go();
    this.show();
  }
}

const clockText = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

const KEYS = { redo: "R", skip: "S", back: "←" };
