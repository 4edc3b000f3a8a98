// Tokens: who may come in, and what each may see and do.

import * as api from "../api.js";
import { asking } from "../asking.js";
import { h, keep, put } from "../dom.js";
import { owners } from "../owners.js";
import { dayText, localTime } from "../time.js";
import { t } from "../words.js";
import { card, field, saving } from "./form.js";

const SCOPES = ["read", "write", "admin"];

function line(token, ended) {
  const bound = token.device ? t("access.device", { name: token.device }) : token.owner ? t("access.owner", { name: token.owner }) : t("access.all");
  const made = dayText(localTime(new Date(token.made_ms)).slice(0, 10));
  return h("li", { class: "span-line" },
    h("p", {}, h("strong", {}, token.name), " ", h("span", { class: "quiet" }, `${t(`access.${token.scope}`)} · ${bound} · ${made}`)),
    asking(t("access.end"), () => t("access.sure", { name: token.name }), t("access.end_do"), async () => {
      await api.revokeToken(token.n);
      await ended();
    }));
}

function fresh(token) {
  const word = h("span", { class: "quiet", role: "status" });
  const copy = h("button", {
    type: "button", class: "small",
    onclick: () => navigator.clipboard.writeText(token).then(() => (word.textContent = t("access.copied")), () => {}),
  }, t("access.copy"));
  return h("div", { class: "fresh" }, h("p", {}, t("access.once")), h("p", {}, h("code", {}, token)),
    navigator.clipboard ? h("div", { class: "actions" }, copy, word) : null);
}

function maker(made) {
  const name = h("input", { type: "text", required: true, maxlength: 100 });
  const scope = h("select", {}, SCOPES.map((one) => h("option", { value: one }, t(`access.${one}`))));
  const whose = h("select", {}, h("option", { value: "{}" }, t("access.all")));
  const option = (key, value) => h("option", { value: JSON.stringify({ [key]: value }) }, t(`access.${key}`, { name: value }));
  api.devices().then(({ items }) => whose.append(...items.map(({ id }) => option("device", id))), () => {});
  owners().then((known) => whose.append(...known.map((owner) => option("owner", owner))), () => {});
  return saving(async () => {
    const { token } = await api.makeToken({ name: name.value.trim(), scope: scope.value, ...JSON.parse(whose.value) });
    name.value = "";
    await made(token);
    return "";
  }, h("div", { class: "fields" }, field(t("access.name"), name), field(t("access.may"), scope), field(t("access.sees"), whose)), t("access.make"));
}

/** Show the tokens. */
export function show(stage) {
  card(stage, t("settings.access"), t("access.how"), async () => {
    const shown = h("div", { role: "status" });
    const list = h("ul", { class: "spans" });
    const fill = async () => {
      const { items } = await api.tokens();
      const none = { key: "none", sign: "", make: () => h("li", { class: "quiet" }, t("access.none")) };
      keep(list, items.length ? items.map((token) => ({ key: String(token.n), sign: "", make: () => line(token, fill) })) : [none]);
    };
    await fill();
    return [list, h("h3", {}, t("access.new")), maker((token) => {
      put(shown, fresh(token));
      return fill();
    }), shown];
  });
}
