import { useApp } from "./app-context.ts";

/** How the app gets onto the home screen, or what is missing for it. */
export function InstallPanel({ onInstall }: { readonly onInstall: () => void }) {
  const { state, texts } = useApp();
  const { more } = texts;
  const { install, invitation } = state;
  const messages = {
    insecure: more.installInsecure,
    manual: more.installManual,
    ready: more.installReady,
    installed: more.installed,
  };
  return (
    <section class="card" aria-labelledby="install-title" data-install={install}>
      <h2 id="install-title">{more.install}</h2>
      <p>{messages[install]}</p>
      {install === "ready" && (
        <button type="button" class="button primary" onClick={onInstall}>
          {more.installButton}
        </button>
      )}
      {install === "insecure" && (
        <details>
          <summary>{more.installGuide}</summary>
          <p>
            <a class="button" href="/ca.crt" download="household-ca.crt">
              {more.certificate}
            </a>
          </p>
          {invitation?.ca !== undefined && (
            <p class="hint">
              {more.guide.fingerprint} <code class="fingerprint">{invitation.ca.replace("sha256:", "")}</code>
            </p>
          )}
          <p class="hint">{more.guide.android}</p>
          <p class="hint">{more.guide.iphone}</p>
          <p class="hint">{more.guide.desktop}</p>
        </details>
      )}
    </section>
  );
}
