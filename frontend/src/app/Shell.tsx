// The frame of every page: where to go, the search, whether what is seen is live.
import { Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { type Bindings, step, useKeys } from "../lib/keys";
import { Boundary } from "../parts/Boundary";
import { Link } from "../parts/Link";
import { Toasts } from "../parts/Toasts";
import { ACTIONS, AREAS, PLACES } from "./areas";
import { LiveMark } from "./LiveMark";
import type { Place } from "./module";
import { Search } from "./Search";
import { UserMenu } from "./UserMenu";

const HelpSheet = lazy(() => import("./Help"));

/** `g d` goes to a place, `n` does an action: as the areas say. */
function useShellKeys(more: Bindings): void {
  const navigate = useNavigate();
  // The paths are checked against the routes by a test.
  const go = (to: string) => () => void navigate({ to: to as "/" });
  useKeys({
    ...Object.fromEntries(PLACES.map(({ key, to }) => [`g ${key}`, go(to)])),
    ...Object.fromEntries(ACTIONS.flatMap(({ key, to }) => (key ? [[key, go(to)]] : []))),
    j: () => step("[data-step]", 1),
    k: () => step("[data-step]", -1),
    ...more,
  });
}

export function Shell() {
  const [help, setHelp] = useState(false);
  const [search, setSearch] = useState(false);
  useShellKeys({ "/": () => setSearch(true), "?": () => setHelp(true) });
  return (
    <>
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="bar">
        <Link to="/" className="brand" aria-label="OpsConductor, devices">
          <img src="/icon.svg" alt="" width="22" height="22" />
          <span>OpsConductor</span>
        </Link>
        <Search open={search} onOpen={setSearch} />
        <LiveMark />
        <UserMenu onHelp={() => setHelp(true)} />
      </header>
      <div className="frame">
        <Places />
        <main id="main" tabIndex={-1}>
          {AREAS.flatMap(({ name, banners = [] }) =>
            // biome-ignore lint/suspicious/noArrayIndexKey: an area's banners stand still
            banners.map((Banner, i) => <Banner key={`${name}${i}`} />),
          )}
          <Outlet />
        </main>
      </div>
      {AREAS.map(({ name, overlay: Overlay }) => Overlay && <Overlay key={name} />)}
      {help && (
        <Boundary what="The help">
          <Suspense fallback={null}>
            <HelpSheet onClose={() => setHelp(false)} />
          </Suspense>
        </Boundary>
      )}
      <Toasts />
    </>
  );
}

const isHere = (path: string, { to, under = to }: Place): boolean =>
  path === to || path === under || path.startsWith(`${under}/`);

function Places() {
  const path = useLocation({ select: ({ pathname }) => pathname });
  return (
    <nav aria-label="Main" className="places">
      {PLACES.map((place) => {
        const { to, label, icon: Icon } = place;
        return (
          <Link key={to} to={to as "/"} current={isHere(path, place) ? "page" : undefined}>
            <Icon className="icon" aria-hidden="true" />
            {label}
          </Link>
        );
      })}
    </nav>
  );
}
