import { Suspense, useEffect } from "react";
import { NavLink, Outlet, useLocation } from "react-router";
import { Icon } from "../ui/Icon";
import { Notices } from "../ui/Notices";
import { PageSkeleton } from "../ui/states";
import { ConnectionLight } from "./ConnectionLight";
import { ErrorBoundary } from "./ErrorBoundary";
import { ThemeToggle } from "./ThemeToggle";
import { VIEWS } from "./views";

/** What is around every view: the way to the others, and how current the page is. */
export function Shell() {
  const { pathname } = useLocation();
  const view = VIEWS.find(({ path }) => pathname.startsWith(path));
  useEffect(() => {
    document.title = view ? `${view.label} · Orderflow` : "Orderflow";
  }, [view]);
  return (
    <div className="flex min-h-dvh flex-col lg:h-dvh">
      <a
        href="#main"
        className="sr-only z-50 rounded-md bg-accent px-3 py-2 font-medium text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the content
      </a>
      <header className="sticky top-0 z-30 flex h-12 shrink-0 items-center gap-3 border-b border-line bg-surface px-3 sm:px-4">
        <span className="flex items-center gap-2 font-semibold tracking-tight">
          <img src="/favicon.svg" alt="" width={20} height={20} />
          <span className="hidden sm:inline">Orderflow</span>
        </span>
        <nav aria-label="Views" className="flex items-center gap-0.5 overflow-x-auto sm:ml-2">
          {VIEWS.map(({ path, label, icon }) => (
            <NavLink
              key={path}
              to={path}
              title={label}
              className="flex h-8 items-center gap-1.5 rounded-md px-2.5 font-medium text-muted hover:bg-sunken hover:text-ink aria-[current=page]:bg-sunken aria-[current=page]:text-ink"
            >
              <Icon name={icon} size={15} />
              <span className="sr-only lg:not-sr-only">{label}</span>
            </NavLink>
          ))}
        </nav>
        <div className="ml-auto flex min-w-0 items-center gap-2">
          <ConnectionLight />
          <ThemeToggle />
        </div>
      </header>
      <main id="main" tabIndex={-1} className="flex min-h-0 flex-1 flex-col outline-none">
        <ErrorBoundary key={view?.path}>
          <Suspense fallback={<PageSkeleton />}>
            <Outlet />
          </Suspense>
        </ErrorBoundary>
      </main>
      <Notices />
    </div>
  );
}
