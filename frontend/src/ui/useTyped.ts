import { useEffect, useRef, useState } from "react";

const TYPING = 250; // ms without a key until what was typed is looked for

/** What is typed, which is looked for after a pause; `text` is what is looked for now. */
export function useTyped(text: string, look: (text: string) => void) {
  const [typed, setTyped] = useState(text);
  const asked = useRef(text);
  useEffect(() => {
    // What is asked for here comes back as `text`, by when more may have been typed.
    if (text === asked.current) return;
    asked.current = text;
    setTyped(text);
  }, [text]);
  useEffect(() => {
    const wanted = typed.trim();
    if (wanted === asked.current) return;
    const timer = setTimeout(() => {
      asked.current = wanted;
      look(wanted);
    }, TYPING);
    return () => clearTimeout(timer);
  }, [typed, look]);
  return [typed, setTyped] as const;
}
