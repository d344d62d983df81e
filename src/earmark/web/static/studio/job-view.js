// How far work in the background is: its steps, a bar, the time left, and buttons to pause and go on. The page may be
// closed meanwhile.

import { icon, isolate, make } from "../dom.js";

const POLL_MS = 1000;
const UNDER_WAY = new Set(["running", "pausing"]);

// Draws the job `name` into the returned element. `changed(state)` is called when its status changes; `state` is null
// where the job was never started.
export function jobView(name, context, changed) {
  const { t, http } = context;
  const root = make("section", { class: "job", hidden: true });
  let timer = 0;
  let status = "";
  let drawn = "";

  const poll = async () => {
    clearTimeout(timer);
    let state = null;
    try {
      state = await http.get(`/api/studio/jobs/${name}`);
    } catch (error) {
      context.problem(error);
      timer = setTimeout(poll, POLL_MS);
      return;
    }
    if (!context.isOpen()) return;
    if (JSON.stringify(state) !== drawn) draw(state); // else a button would lose the focus
    drawn = JSON.stringify(state);
    if ((state?.status ?? "none") !== status) {
      const before = status;
      status = state?.status ?? "none";
      if (before) context.announce(t(`job.${status}`));
      await changed(state);
    }
    if (state && state.status !== "done") timer = setTimeout(poll, POLL_MS); // another window may let it go on
  };
  const send = (what) => async () => {
    try {
      context.problem("");
      await http.post(`/api/studio/jobs/${name}/${what}`);
      await poll();
    } catch (error) {
      context.problem(error);
    }
  };

  const draw = (state) => {
    root.hidden = !state || state.status === "done";
    if (root.hidden) return;
    const { step, steps, done, total, left_s, message } = state;
    const bar = make("progress", { max: Math.max(total, 1), value: total ? done : null, "aria-label": t("job.progress") });
    const facts = [
      t("job.step", { number: Math.min(step + 1, steps.length), total: steps.length }),
      left_s ? t("job.left", { time: context.formatDuration(left_s) }) : "",
    ].filter(Boolean).join(" · ");
    root.dataset.status = state.status;
    root.replaceChildren(
      make("div", { class: "card" },
        make("h2", {}, t(`job.${state.status}`)),
        make("ol", { class: "job-steps" }, ...steps.map((one, i) =>
          make("li", { "data-progress": i < step ? "done" : i === step ? "started" : "open" }, icon(i < step ? "yes" : "right"), t(`job.step.${one}`)))),
        UNDER_WAY.has(state.status) ? bar : "",
        make("p", { class: "hint" }, state.status === "failed" ? isolate(message) : facts),
        make("div", { class: "row" },
          state.status === "running" ? button("pause", "job.pause", send("pause")) : "",
          UNDER_WAY.has(state.status) ? "" : button("play", state.status === "failed" ? "job.retry" : "job.continue", send("continue"), true)),
        UNDER_WAY.has(state.status) ? make("p", { class: "hint" }, t("job.closable")) : ""),
    );
  };
  const button = (symbol, label, action, main = false) => {
    const made = make("button", { type: "button", class: main ? "main" : "" }, icon(symbol), t(label));
    made.addEventListener("click", action);
    return made;
  };
  context.onLeave(() => clearTimeout(timer));
  return { element: root, poll, start: send("start") };
}
