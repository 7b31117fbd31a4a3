import { useApp } from "./app-context.ts";
import { ControlPage } from "./control-page.tsx";
import { Icon, type IconName } from "./icon.tsx";
import { LinkBadge, LinkTrouble } from "./link-line.tsx";
import { MorePage } from "./more-page.tsx";
import { OverviewPage } from "./overview-page.tsx";
import { PackPage } from "./pack-page.tsx";
import { PacksPage } from "./packs-page.tsx";
import { PairingPage } from "./pairing-page.tsx";
import type { Route } from "./route.ts";
import { RulesPage } from "./rules-page.tsx";

const tabs: readonly { readonly name: Exclude<Route["name"], "pack">; readonly icon: IconName }[] = [
  { name: "overview", icon: "overview" },
  { name: "packs", icon: "battery" },
  { name: "control", icon: "control" },
  { name: "rules", icon: "rules" },
  { name: "more", icon: "more" },
];

/** Bar, page and tabs; or pairing where there is nothing to show yet. */
export function AppFrame({ route, onInstall }: { readonly route: Route; readonly onInstall: () => void }) {
  const { state, texts } = useApp();
  const { invitation } = state;
  if (invitation === undefined) return <PairingPage />;
  const current = route.name === "pack" ? "packs" : route.name;
  return (
    <div class="frame">
      <header class="bar">
        <img src="./icon.svg" alt="" width="30" height="30" />
        <p class="site-name">{invitation.title ?? invitation.site}</p>
        <LinkBadge />
      </header>
      <nav class="tabs" aria-label={texts.navigation}>
        {tabs.map(({ name, icon }) => (
          <a key={name} href={`#/${name}`} aria-current={name === current ? "page" : undefined}>
            <Icon name={icon} />
            {texts.tabs[name]}
          </a>
        ))}
      </nav>
      <main id="main">
        <Offered />
        <LinkTrouble />
        {route.name === "overview" && <OverviewPage />}
        {route.name === "packs" && <PacksPage />}
        {route.name === "pack" && <PackPage key={route.node} node={route.node} />}
        {route.name === "control" && <ControlPage />}
        {route.name === "rules" && <RulesPage />}
        {route.name === "more" && <MorePage onInstall={onInstall} />}
      </main>
    </div>
  );
}

/** An invitation to another household isn't taken without a word. */
function Offered() {
  const { state, store, texts } = useApp();
  const { offered } = state;
  if (offered === undefined) return null;
  if (offered.kind === "broken") {
    return (
      <div class="trouble" role="alert">
        <p>{texts.pairing.broken}</p>
        <button type="button" class="button" onClick={() => store.offer(undefined)}>
          {texts.asked.dismiss}
        </button>
      </div>
    );
  }
  const { invitation } = offered;
  return (
    <div class="trouble" role="alert">
      <p>{texts.pairing.other(invitation.title ?? invitation.site)}</p>
      <button type="button" class="button primary" onClick={() => store.join(invitation)}>
        {texts.pairing.replace}
      </button>
      <button type="button" class="button" onClick={() => store.offer(undefined)}>
        {texts.pairing.keep}
      </button>
    </div>
  );
}
