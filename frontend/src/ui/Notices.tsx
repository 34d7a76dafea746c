import { Icon } from "./Icon";
import { dismiss, useNotices } from "./notices";

const TONES = { good: "bg-good", bad: "bg-bad", info: "bg-info" };

/** The notices of the moment, in a corner. */
export function Notices() {
  const notices = useNotices();
  return (
    <div
      role="status"
      className="pointer-events-none fixed inset-x-3 bottom-3 z-50 flex flex-col items-end gap-2 sm:left-auto sm:w-96"
    >
      {notices.map(({ id, tone, title, detail }) => (
        <div
          key={id}
          className="slide-in pointer-events-auto flex w-full items-start gap-3 rounded-lg border border-line bg-surface p-3 shadow-lift"
        >
          <span className={`mt-1.5 size-2 shrink-0 rounded-full ${TONES[tone]}`} />
          <div className="min-w-0 flex-1">
            <p className="font-medium">{title}</p>
            {detail && <p className="break-words text-muted">{detail}</p>}
          </div>
          <button
            type="button"
            aria-label="Dismiss"
            onClick={() => dismiss(id)}
            className="-m-1 rounded p-1 text-faint hover:text-ink"
          >
            <Icon name="close" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}
