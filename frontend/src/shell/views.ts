import type { IconName } from "../ui/Icon";

/** The views of the navigation, in its order. A view is named here when it works. */
export const VIEWS: readonly { path: string; label: string; icon: IconName }[] = [
  { path: "/orders", label: "Orders", icon: "orders" },
  { path: "/live", label: "Live", icon: "live" },
  { path: "/analytics", label: "Analytics", icon: "analytics" },
  { path: "/replays", label: "Replays", icon: "replays" },
  { path: "/topics", label: "Topics", icon: "topics" },
  { path: "/services", label: "Services", icon: "services" },
];
