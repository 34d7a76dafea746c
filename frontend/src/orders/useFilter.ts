import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";
import { type Filter, SORTS } from "./queries";
import { STATUSES } from "./status";

/** The filter in the address, so that a link shows the same orders; what it has wrong is left out. */
function readFilter(params: URLSearchParams): Filter {
  return {
    status: STATUSES.find((status) => status === params.get("status")) ?? null,
    q: (params.get("q") ?? "").slice(0, 100),
    sort: SORTS.find((sort) => sort === params.get("sort")) ?? "-created_at",
  };
}

export function useFilter(): [Filter, (change: Partial<Filter>) => void] {
  const [params, setParams] = useSearchParams();
  const filter = useMemo(() => readFilter(params), [params]);
  const change = useCallback(
    (part: Partial<Filter>) => {
      const { status, q, sort } = { ...filter, ...part };
      setParams(
        {
          ...(status && { status }),
          ...(q && { q }),
          ...(sort !== "-created_at" && { sort }),
        },
        { replace: true },
      );
    },
    [filter, setParams],
  );
  return [filter, change];
}
