import { useQuery } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import { type Lags, remember } from "./lags";
import type { Service } from "./state";

/** Between two looks, ms; a page that is not in sight does not look. */
const EVERY = 3_000;

interface Seen {
  services: Service[];
  lags: Lags;
}

/** How every service is now, and how far each was behind at the looks before. */
export function useServices() {
  return useQuery<Seen>({
    queryKey: ["services"],
    queryFn: async ({ client, queryKey, signal }) => {
      const { services } = await answer(api.GET("/api/services/status", { signal }));
      const before = client.getQueryData<Seen>(queryKey)?.lags ?? {};
      return { services, lags: remember(before, services) };
    },
    refetchInterval: EVERY,
  });
}
