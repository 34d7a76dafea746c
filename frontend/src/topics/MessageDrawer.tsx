import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearchParams } from "react-router";
import { useFailure } from "../api/failure";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { CopyLink } from "../ui/CopyButton";
import { Drawer, DrawerSkeleton } from "../ui/Drawer";
import { asBytes, asClock, asPlace } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Empty, Failed } from "../ui/states";
import { Time } from "../ui/Time";
import { type Message, messageQuery } from "./queries";
import { withParams } from "./search";
import { Headers, Key, OrderFact, Value } from "./Value";

interface Props {
  name: string;
  partition: number;
  offset: number;
  /** Those of the list, between which one goes to and fro. */
  messages: readonly Message[];
  onClose: () => void;
}

/** One message whole; a link to it finds it without the list. */
export function MessageDrawer({ name, partition, offset, messages, onClose }: Props) {
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const at = messages.findIndex((each) => each.partition === partition && each.offset === offset);
  const listed = messages[at];
  const query = useQuery({ ...messageQuery(name, partition, offset), enabled: !listed });
  const failure = useFailure(query);
  const message = listed ?? query.data;
  const step = (by: number) => {
    const to = at < 0 ? undefined : messages[at + by];
    return to
      ? () => void navigate(withParams(params, { message: `${to.partition}:${to.offset}` }))
      : undefined;
  };
  const [above, below] = [step(-1), step(1)];
  return (
    <Drawer
      label={`Message ${asPlace({ partition, offset })}`}
      title={
        <>
          Message <span className="font-mono text-13">{asPlace({ partition, offset })}</span>
        </>
      }
      closeLabel="Close message"
      onClose={onClose}
      actions={
        <>
          <Button kind="quiet" square aria-label="Message above" disabled={!above} onClick={above}>
            <Icon name="up" />
          </Button>
          <Button kind="quiet" square aria-label="Message below" disabled={!below} onClick={below}>
            <Icon name="down" />
          </Button>
          <CopyLink />
        </>
      }
    >
      {message ? (
        <Contents message={message} />
      ) : message === null ? (
        <Empty title="There is no message at this offset">
          It was kept no longer, was compacted away or aborted, or the offset is of a mark of a
          transaction.
        </Empty>
      ) : failure ? (
        <Failed error={failure} onRetry={() => void query.refetch()} />
      ) : (
        <DrawerSkeleton />
      )}
    </Drawer>
  );
}

function Contents({ message }: { message: Message }) {
  const { partition, offset, timestamp, timestampType, size } = message;
  return (
    <div className="flex flex-col gap-5 p-4">
      <dl className="grid grid-cols-[5rem_1fr] gap-y-1.5 *:min-w-0 *:odd:text-muted">
        <dt>Place</dt>
        <dd
          className="font-mono text-xs leading-5 break-all"
          title={`Partition ${partition}, offset ${offset}`}
        >
          {asPlace(message)}
        </dd>
        <dt>Time</dt>
        <dd>
          {timestamp === null ? (
            <span className="text-muted">none, or one that no calendar has</span>
          ) : (
            <>
              <Time at={timestamp} />{" "}
              <span className="text-muted">
                ({asClock(timestamp)},{" "}
                {timestampType === "append" ? "as the broker says" : "as its producer says"})
              </span>
            </>
          )}
        </dd>
        <dt>Key</dt>
        <dd>
          <Key value={message.key} encoding={message.keyEncoding} />
        </dd>
        <OrderFact of={message} />
        {message.eventType && (
          <>
            <dt>Type</dt>
            <dd className="flex flex-wrap items-center gap-2">
              {message.eventType}
              {message.isReplay && <Badge tone="accent">replay</Badge>}
            </dd>
          </>
        )}
        {message.eventId && (
          <>
            <dt>Event id</dt>
            <dd className="font-mono text-xs leading-5 break-all">{message.eventId}</dd>
          </>
        )}
        <dt>Size</dt>
        <dd>{asBytes(size)}</dd>
      </dl>
      <Value of={message} />
      <Headers headers={message.headers} />
    </div>
  );
}
