import { make } from "../dom.js";

export function render(root, { t }) {
  root.append(make("h1", {}, t("step.recordings")), make("p", { class: "lede" }, t("about.recordings")));
}
