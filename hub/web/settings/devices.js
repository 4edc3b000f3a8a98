// The devices: how each is, what it is called, whose it is.

import * as api from "../api.js";
import { h, put } from "../dom.js";
import { deviceList } from "../now.js";
import { agoText, lengthText } from "../time.js";
import { known, number, percent, t } from "../words.js";
import { card, field, saving } from "./form.js";

/** What a device says of itself, as [name, value]; what it does not say is left out. */
function facts(device) {
  const health = device.health ?? {};
  const rows = [["devices.id", device.id]];
  const told = (key, value) => value !== null && value !== undefined && value !== "" && rows.push([key, value]);
  if (device.seen_ms) told("devices.seen", agoText(new Date(device.seen_ms).toISOString()));
  const figure = (key, value, unit) => typeof value === "number" && told(key, `${number(Math.round(value))}${unit}`);
  if (typeof health.battery_percent === "number") told("devices.battery", percent(health.battery_percent / 100));
  figure("devices.queue", health.outbox?.depth, "");
  if (health.outbox?.oldest_s > 0) told("devices.queue_age", lengthText(health.outbox.oldest_s));
  figure("devices.level", health.level_dbfs, " dBFS");
  figure("devices.temperature", health.temperature_c, " °C");
  figure("devices.disk", health.disk_free_mb, " MB");
  if (health.clock) told("devices.clock", known(`clock.${health.clock}`) ? t(`clock.${health.clock}`) : health.clock);
  told("devices.software", health.version);
  return h("dl", { class: "facts" }, rows.map(([key, value]) => [h("dt", {}, t(key)), h("dd", {}, value)]));
}

function line(device) {
  const name = h("input", { type: "text", maxlength: 100, value: device.name ?? "" });
  const owner = h("input", { type: "text", maxlength: 100, value: device.owner ?? "", list: "known-owners" });
  const save = async () => {
    await api.describe(device.id, { name: name.value.trim() || null, owner: owner.value.trim() || null });
  };
  return h("details", { class: "one" }, h("summary", {}, device.name ?? device.id),
    facts(device), saving(save, h("div", { class: "fields" }, field(t("devices.name"), name), field(t("devices.owner"), owner))));
}

/** Show them. */
export function show(stage) {
  const devices = deviceList();
  put(stage, h("section", { class: "card" }, h("h2", {}, t("device.label")), devices.element));
  devices.start();
  card(stage, t("devices.each"), t("devices.each_how"), async () => {
    const { items } = await api.devices();
    if (!items.length) return h("p", { class: "quiet" }, t("device.none"));
    const owners = [...new Set(items.map((device) => device.owner).filter(Boolean))];
    return [h("datalist", { id: "known-owners" }, owners.map((owner) => h("option", { value: owner }))), items.map(line)];
  });
  return { close: devices.close };
}
