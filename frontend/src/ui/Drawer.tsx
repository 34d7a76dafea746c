import { type ReactNode, useEffect, useRef } from "react";
import { Button } from "./Button";
import { Icon } from "./Icon";
import { Skeleton } from "./states";

interface Props {
  /** What it is called, for those who do not see it; of another the top is shown. */
  label: string;
  title: ReactNode;
  /** What closes it is said of it too: "Close order". */
  closeLabel: string;
  onClose: () => void;
  /** Buttons beside the title. */
  actions?: ReactNode;
  children: ReactNode;
}

/** What a drawer holds until its thing is read. */
export function DrawerSkeleton() {
  return (
    <div className="flex flex-col gap-4 p-4">
      <Skeleton className="h-28" />
      <Skeleton className="h-64" />
    </div>
  );
}

/** One thing, over the list that it was chosen from. It takes the focus, and Escape closes it. */
export function Drawer({ label, title, closeLabel, onClose, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) onClose();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [onClose]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another one is read from its top
  useEffect(() => heading.current?.focus(), [label]);

  return (
    <section
      key={label}
      aria-label={label}
      className="slide-in fixed inset-x-0 top-12 bottom-0 z-20 flex flex-col border-line bg-surface shadow-lift sm:left-auto sm:w-136 sm:border-l"
    >
      <header className="flex items-center gap-2 border-b border-line py-2 pr-2 pl-4">
        <h2
          ref={heading}
          tabIndex={-1}
          className="mr-auto min-w-0 truncate text-sm font-semibold outline-none"
        >
          {title}
        </h2>
        {actions}
        <Button kind="quiet" square aria-label={closeLabel} onClick={onClose}>
          <Icon name="close" />
        </Button>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto">{children}</div>
    </section>
  );
}
