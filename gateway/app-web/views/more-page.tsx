import { languages } from "../texts/words.ts";
import { useApp } from "./app-context.ts";
import { ConfirmButton } from "./confirm-button.tsx";
import { ConnectionPanel } from "./connection-panel.tsx";
import { FirmwarePanel } from "./firmware-panel.tsx";
import { GatewayPanel } from "./gateway-panel.tsx";
import { InstallPanel } from "./install-panel.tsx";

const languageNames: Readonly<Record<string, string>> = { en: "English", de: "Deutsch" };

/** What isn't needed every day. */
export function MorePage({ onInstall }: { readonly onInstall: () => void }) {
  const { store, texts } = useApp();
  return (
    <div class="page">
      <h1>{texts.more.title}</h1>
      <div class="columns">
        <div class="column">
          <FirmwarePanel />
          <GatewayPanel />
        </div>
        <div class="column">
          <ConnectionPanel />
          <InstallPanel onInstall={onInstall} />
          <section class="card">
            <label class="row">
              {texts.more.language}
              <select value={texts.language} onChange={(event) => store.setLanguage(event.currentTarget.value)}>
                {Object.keys(languages).map((language) => (
                  <option key={language} value={language}>
                    {languageNames[language]}
                  </option>
                ))}
              </select>
            </label>
            <p class="hint">{texts.more.forgetAbout}</p>
            <ConfirmButton label={texts.more.forget} onConfirm={() => store.forget()} />
          </section>
        </div>
      </div>
    </div>
  );
}
