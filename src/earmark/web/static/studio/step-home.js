import { make } from "../dom.js";

export function render(root, { t }) {
  root.append(make("h1", {}, t("step.home")), make("p", { class: "lede" }, t("about.home")));
}
