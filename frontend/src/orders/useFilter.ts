import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";
import { type Filter, type Place, readFilter, readPlace, writeAddress } from "./filter";

/** The filter and the page in the address. Another filter begins at its first page. */
export function useFilter() {
  const [params, setParams] = useSearchParams();
  const filter = useMemo(() => readFilter(params), [params]);
  const change = useCallback(
    (part: Partial<Filter>) => {
      // What is typed is no step that one goes back to.
      setParams(writeAddress({ ...filter, ...part }, null), { replace: "q" in part });
    },
    [filter, setParams],
  );
  const turn = useCallback((to: Place) => setParams(writeAddress(filter, to)), [filter, setParams]);
  return { filter, place: readPlace(params), change, turn };
}
