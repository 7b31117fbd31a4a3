// Who is signed in, in the head of the page; his password and sessions in a dialog.
import { agoText } from "./fleet.js";
import { change, whoIs } from "./session.js";
import { el } from "./view.js";

const ways = { password: "by password", link: "by a link", machine: "by the machine's token" };

/** Name and sign-out; under --insecure there is nobody to sign out. */
export function drawAccount() {
  const place = document.getElementById("account");
  const { operator, role, scopes, way } = whoIs();
  if (operator === null || way === "insecure") {
    place.replaceChildren();
    return;
  }
  const reach = scopes.length === 0 ? role : `${role} of ${scopes.map((scope) => scope.join(" or ")).join(" and ")}`;
  place.replaceChildren(
    el("button", { class: "button", type: "button", title: reach, onclick: openAccount }, `${operator} · ${role}`),
    el("button", { class: "button", type: "button", onclick: signOut }, "Sign out"),
  );
}

async function signOut() {
  await change("DELETE", "/session").catch(() => {});
  location.reload();
}

async function openAccount() {
  const dialog = document.getElementById("details");
  const { operator } = whoIs();
  const close = el("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(
    el("header", {}, el("h2", { id: "details-title" }, operator), close),
    el("div", { class: "body" }, passwordForm(), await sessionList()),
  );
  if (!dialog.open) dialog.showModal();
}

function passwordForm() {
  const { way, hasPassword, operator } = whoIs();
  const needsCurrent = hasPassword && !["link", "machine"].includes(way);
  const said = el("output", {});
  const submit = async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(event.target));
    try {
      await change("PUT", "/password", fields);
      event.target.reset();
      said.textContent = "The password is set. Your other sessions ended.";
    } catch (error) {
      said.textContent = error.message;
    }
  };
  const input = (name, label, autocomplete, required) =>
    el("label", {}, label, el("input", { type: "password", name, autocomplete, required }));
  return el(
    "form",
    { class: "password", onsubmit: submit },
    el("h3", {}, "Password"),
    el("input", { type: "text", autocomplete: "username", value: operator, hidden: true }),
    needsCurrent ? input("current", "Present password, unless you came by a link", "current-password", false) : "",
    input("password", "New password, 12 characters or more", "new-password", true),
    el("div", { class: "actions" }, el("button", { class: "button", type: "submit" }, "Set password"), said),
  );
}

async function sessionList() {
  const response = await fetch("/api/v1/sessions");
  const { sessions = [] } = response.ok ? await response.json() : {};
  const list = el("ul", { class: "sessions" });
  for (const each of sessions) {
    const words = `${each.operator} ${ways[each.way]} from ${each.address}, used ${agoText(each.idleSeconds * 1000)}`;
    const row = el("li", {}, el("span", {}, each.isThis ? `${words} (this one)` : words));
    if (!each.isThis) row.append(endButton(each.id, row));
    list.append(row);
  }
  return el("section", {}, el("h3", {}, "Sessions"), list);
}

function endButton(id, row) {
  const end = async () => {
    await change("DELETE", `/sessions/${id}`).catch(() => {});
    row.remove();
  };
  return el("button", { class: "button", type: "button", onclick: end }, "End");
}
