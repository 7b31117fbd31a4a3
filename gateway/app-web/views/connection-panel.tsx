import { useState } from "preact/hooks";
import { askableBases } from "../link/ask-home.ts";
import { maxHomeAddresses, readHomeAddress } from "../pairing/home-address.ts";
import { useApp } from "./app-context.ts";
import { Icon } from "./icon.tsx";

/** Where home may be, where the server is, and who this phone is to them. */
export function ConnectionPanel() {
  const { state, store, texts } = useApp();
  const { more } = texts;
  const { homes, invitation } = state;
  const [draft, setDraft] = useState({ label: "", address: "" });
  const [problem, setProblem] = useState<string>();
  const add = (event: Event): void => {
    event.preventDefault();
    const base = readHomeAddress(draft.address, location.protocol);
    if (base === undefined || homes.length >= maxHomeAddresses) {
      setProblem(base === undefined ? more.badAddress : more.fullList);
      return;
    }
    setProblem(undefined);
    setDraft({ label: "", address: "" });
    store.setHomes([...homes.filter((each) => each.base !== base), { label: draft.label.trim(), base }]);
  };
  return (
    <section class="card" aria-labelledby="connection-title">
      <h2 id="connection-title">{more.connection}</h2>
      <dl class="rows">
        <div>
          <dt>{more.site}</dt>
          <dd>{invitation?.title ?? invitation?.site}</dd>
        </div>
        <div>
          <dt>{more.phone}</dt>
          <dd>{invitation?.name ?? invitation?.phone}</dd>
        </div>
        <div>
          <dt>{more.server}</dt>
          <dd>{invitation?.server === undefined ? more.noServer : new URL(invitation.server).host}</dd>
        </div>
      </dl>
      <h3>{more.addresses}</h3>
      <p class="hint">{more.addressesAbout}</p>
      <ul class="plain addresses">
        {homes.map(({ label, base }) => (
          <li key={base} class="row">
            <span>
              {label !== "" && <b>{label} </b>}
              <code>{base}</code>
              {askableBases([base], location.protocol).length === 0 && <p class="problem">{more.blocked}</p>}
            </span>
            <button
              type="button"
              class="icon-button"
              aria-label={more.remove(label === "" ? base : label)}
              onClick={() => store.setHomes(homes.filter((each) => each.base !== base))}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      <form class="setting-form" noValidate onSubmit={add}>
        <label>
          {more.label}
          <input
            type="text"
            maxLength={32}
            value={draft.label}
            onInput={(event) => setDraft({ ...draft, label: event.currentTarget.value })}
          />
        </label>
        <label>
          {more.address}
          <input
            type="text"
            inputMode="url"
            autocapitalize="off"
            maxLength={80}
            value={draft.address}
            onInput={(event) => setDraft({ ...draft, address: event.currentTarget.value })}
          />
        </label>
        <button type="submit" class="button">
          {more.add}
        </button>
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
      </form>
    </section>
  );
}
