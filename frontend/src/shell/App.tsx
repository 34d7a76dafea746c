import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, useEffect } from "react";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";
import { again, onceMore } from "../api/failure";
import { feed } from "../live/live";
import { OrderDrawer } from "../orders/OrderDrawer";
import { OrdersPage } from "../orders/OrdersPage";
import { viewOf } from "./missing";
import { NotFound } from "./NotFound";
import { Shell } from "./Shell";

// The first view is in the first file; each other comes when it is gone to.
const LivePage = lazy(() => viewOf(() => import("../live/LivePage")));
const AnalyticsPage = lazy(() => viewOf(() => import("../analytics/AnalyticsPage")));
const ReplaysPage = lazy(() => viewOf(() => import("../replays/ReplaysPage")));
const TopicsPage = lazy(() => viewOf(() => import("../topics/TopicsPage")));
const ServicesPage = lazy(() => viewOf(() => import("../services/ServicesPage")));

const GAPS = 1_000; // ms that gaps are gathered

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: onceMore,
      refetchInterval: ({ state }) => again(state.error, false),
    },
  },
});

/** Events that went by unseen may have changed anything. */
function readAnewAfterGaps(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = feed.onGap(() => {
    // Where the server skips often, one read must end before the next begins.
    timer ??= setTimeout(() => {
      timer = undefined;
      void queries.invalidateQueries({}, { cancelRefetch: false });
    }, GAPS);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}

export function App() {
  useEffect(readAnewAfterGaps, []);
  return (
    <QueryClientProvider client={queries}>
      {/* A checkbox whose state is in the address shows it at once, and not a render later. */}
      <BrowserRouter useTransitions={false}>
        <Routes>
          <Route element={<Shell />}>
            <Route index element={<Navigate to="/orders" replace />} />
            <Route path="orders" element={<OrdersPage />}>
              <Route path=":orderId" element={<OrderDrawer />} />
            </Route>
            <Route path="live" element={<LivePage />} />
            <Route path="analytics" element={<AnalyticsPage />} />
            <Route path="replays/*" element={<ReplaysPage />} />
            <Route path="topics/*" element={<TopicsPage />} />
            <Route path="services" element={<ServicesPage />} />
            <Route path="*" element={<NotFound />} />
          </Route>
        </Routes>
      </BrowserRouter>
    </QueryClientProvider>
  );
}
