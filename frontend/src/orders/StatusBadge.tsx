import type { OrderStatus } from "./status";

const TONES: Record<OrderStatus, string> = {
  pending: "bg-calm-ground text-calm",
  processing: "bg-info-ground text-info",
  reserved: "bg-info-ground text-info",
  paid: "bg-accent-ground text-accent",
  preparing: "bg-accent-ground text-accent",
  shipped: "bg-warn-ground text-warn",
  completed: "bg-good-ground text-good",
  failed: "bg-bad-ground text-bad",
  cancelled: "bg-calm-ground text-calm line-through decoration-1",
};

export function StatusBadge({ status }: { status: OrderStatus }) {
  return (
    <span
      className={`inline-flex h-5 items-center rounded-full px-2 text-2xs font-medium capitalize ${TONES[status]}`}
    >
      {status}
    </span>
  );
}
