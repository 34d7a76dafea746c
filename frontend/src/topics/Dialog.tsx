import { type ReactNode, useEffect, useId, useRef } from "react";

interface Props {
  title: string;
  /** Undefined while it may not be closed. */
  onClose: (() => void) | undefined;
  children: ReactNode;
}

/** A question that comes before all else: it keeps the focus, and Escape closes it. */
export function Dialog({ title, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault(); // what lies behind it does not close with it
        onClose?.();
      }}
      className="m-auto max-h-[85dvh] w-[min(32rem,calc(100vw-2rem))] overflow-y-auto rounded-lg border border-line bg-surface p-4 text-ink shadow-lift backdrop:bg-ink/30"
    >
      <h2 id={id} className="mb-3 text-sm font-semibold">
        {title}
      </h2>
      {children}
    </dialog>
  );
}
