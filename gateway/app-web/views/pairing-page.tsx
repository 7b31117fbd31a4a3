import { useState } from "preact/hooks";
import { readInvitation } from "../pairing/read-invitation.ts";
import { useApp } from "./app-context.ts";

/** What a phone sees that belongs to no household yet. */
export function PairingPage() {
  const { state, store, texts } = useApp();
  const { pairing } = texts;
  const [link, setLink] = useState("");
  const join = (event: Event): void => {
    event.preventDefault();
    const read = readInvitation(link);
    if (read.kind === "invitation") store.join(read.invitation);
    else store.offer({ kind: "broken" });
  };
  return (
    <main class="pairing">
      <img src="./icon.svg" alt="" width="88" height="88" />
      <h1>{pairing.title}</h1>
      <p>
        {pairing.about} <code>coxswain site invite</code>.
      </p>
      <form onSubmit={join}>
        <label>
          {pairing.or}
          <textarea
            rows={3}
            autocapitalize="off"
            spellcheck={false}
            placeholder="https://…/app/#invite=…"
            aria-label={pairing.link}
            value={link}
            onInput={(event) => setLink(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button primary" disabled={link.trim() === ""}>
          {pairing.join}
        </button>
        {state.offered?.kind === "broken" && (
          <p class="problem" role="alert">
            {pairing.broken}
          </p>
        )}
      </form>
    </main>
  );
}
