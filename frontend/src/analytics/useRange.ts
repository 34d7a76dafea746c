import { useMemo } from "react";
import { useSearchParams } from "react-router";
import { type Range, readRange, type Unit, unitOf, writeRange } from "./range";

/** The range in the address, and by what it is drawn; each with how to change it. */
export function useRange() {
  const [params, setParams] = useSearchParams();
  const range = useMemo(() => readRange(params), [params]);
  const unit = unitOf(range, params.get("by"));
  return {
    range,
    unit,
    // Another range is drawn as suits it.
    setRange: (to: Range) => setParams(writeRange(to)),
    setUnit: (by: Unit) => setParams({ ...writeRange(range), by }, { replace: true }),
  };
}
