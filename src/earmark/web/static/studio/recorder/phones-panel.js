// Phones as recorders: turned on by a button, let in by a square code, with a picture of the warning they show once.

import { icon, isolate, make } from "../../dom.js";

const POLL_MS = 3000;

export async function phonesPanel(root, context, speakers) {
  const { t, http, problem, onLeave } = context;
  const panel = make("section", { class: "card", id: "phones" });
  root.append(panel);
  const names = new Map(speakers.map(({ id, name }) => [id, name || id]));
  let drawn = "";

  const act = async (request) => {
    try {
      problem("");
      draw(await request);
    } catch (error) {
      problem(error);
    }
  };

  const draw = (state) => {
    const shown = JSON.stringify(state);
    if (shown === drawn) return;
    const isNew = drawn === "" || JSON.parse(drawn).is_on !== state.is_on;
    drawn = shown;
    if (isNew) panel.replaceChildren(make("h2", {}, icon("phone"), t("phones.title")), make("p", {}, t("phones.about")), ...(state.is_on ? on() : off(state)));
    const list = panel.querySelector(".phone-list");
    list?.replaceChildren(...state.phones.filter(({ last_contact_at }) => last_contact_at).map((phone) => phoneRow(phone, names, t)));
  };

  const off = ({ addresses }) => {
    const button = make("button", { type: "button", class: "main", id: "phones-on" }, icon("phone"), t("phones.turnOn"));
    const choice = make("select", { "aria-label": t("phones.address") }, ...addresses.map((address) => make("option", { value: address }, address)));
    button.addEventListener("click", () => act(http.post("/api/studio/phones", { host: choice.value })));
    return [make("div", { class: "row" }, button, ...(addresses.length > 1 ? [choice] : []))];
  };

  const on = () => {
    const code = make("div", { class: "qr-place" });
    const choice = make("select", { id: "phone-speaker" }, ...speakers.map(({ id }) => make("option", { value: id }, names.get(id))));
    const show = make("button", { type: "button", class: "main", id: "phone-code" }, icon("phone"), t("phones.letIn"));
    show.addEventListener("click", async () => {
      try {
        const invitation = await http.post(`/api/studio/speakers/${choice.value}/phone`);
        code.replaceChildren(invitationView(invitation, names, t));
      } catch (error) {
        problem(error);
      }
    });
    const stop = make("button", { type: "button", class: "quiet" }, icon("no"), t("phones.turnOff"));
    stop.addEventListener("click", () => act(http.remove("/api/studio/phones")));
    return [
      make("div", { class: "row" }, make("label", { class: "choice" }, make("span", {}, t("phones.speaker")), choice), show, stop),
      code,
      make("ul", { class: "phone-list" }),
    ];
  };

  await act(http.get("/api/studio/phones"));
  const poll = setInterval(() => http.get("/api/studio/phones").then(draw, () => {}), POLL_MS);
  onLeave(() => clearInterval(poll));
}

function invitationView({ speaker, address, qr }, names, t) {
  return make(
    "div",
    { class: "qr" },
    make(
      "figure",
      {},
      make("img", { src: `data:image/svg+xml,${encodeURIComponent(qr)}`, alt: t("phones.code"), width: 320, height: 320 }),
      make("figcaption", {}, isolate(names.get(speaker)), " ", make("code", { dir: "ltr" }, address)),
    ),
    make(
      "div",
      {},
      make("ol", {}, ...["scan", "warning", "once"].map((step) => make("li", {}, t(`phones.${step}`)))),
      make("img", { src: "/static/studio/recorder/phone-warning.svg", alt: t("phones.warningPicture"), width: 520, height: 330 }),
    ),
  );
}

function phoneRow({ speaker, waiting, last_contact_at }, names, t) {
  const ago_s = Math.max(0, Date.now() / 1000 - last_contact_at);
  return make("li", { class: "row" }, icon("phone"), isolate(names.get(speaker) ?? speaker), t("phones.waiting", { count: waiting }),
    ago_s > 60 ? make("small", {}, t("phones.silent")) : "");
}
