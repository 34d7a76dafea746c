import type { UseMutationResult } from "@tanstack/react-query";
import { useCallback, useRef } from "react";

/** Mutates unless it does so already: a double click is faster than a button is disabled. */
export function useOnce<Data, Failure, Input>({
  mutate,
}: UseMutationResult<Data, Failure, Input>): (input: Input) => void {
  const busy = useRef(false);
  return useCallback(
    (input) => {
      if (busy.current) return;
      busy.current = true;
      mutate(input, {
        onSettled: () => {
          busy.current = false;
        },
      });
    },
    [mutate],
  );
}
