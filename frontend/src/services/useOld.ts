import { useEffect, useState } from "react";

/** ms after which what was read says nothing of now any more: five looks. */
const OLD = 15_000;

/** Whether what was read at a time, ms since 1970, is too old to be told as of now. */
export function useOld(at: number): boolean {
  const [old, setOld] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => setOld(at), Math.max(at + OLD - Date.now(), 0));
    return () => clearTimeout(timer);
  }, [at]);
  return old === at;
}
