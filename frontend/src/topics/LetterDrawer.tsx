import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { useFailure } from "../api/failure";
import { Button } from "../ui/Button";
import { Callout } from "../ui/Callout";
import { CopyLink } from "../ui/CopyButton";
import { Drawer, DrawerSkeleton } from "../ui/Drawer";
import { asPlace } from "../ui/format";
import { Empty, Failed } from "../ui/states";
import { Time } from "../ui/Time";
import { isTime } from "./describe";
import { LetterState } from "./LetterState";
import { LONGEST } from "./letters";
import { type DeadLetter, letterQuery } from "./queries";
import { Headers, Key, OrderFact, Value } from "./Value";

interface Props {
  number: number;
  onRedrive: (letter: DeadLetter) => void;
  onClose: () => void;
}

/** One letter whole: its cause, where it comes from, and what came of it. */
export function LetterDrawer({ number, onRedrive, onClose }: Props) {
  const query = useQuery(letterQuery(number));
  const failure = useFailure(query);
  const letter = query.data;
  return (
    <Drawer
      label={`Dead letter ${number}`}
      title={`Dead letter ${number}`}
      closeLabel="Close letter"
      onClose={onClose}
      actions={<CopyLink />}
    >
      {letter ? (
        <Contents letter={letter} onRedrive={onRedrive} />
      ) : letter === null ? (
        <Empty title={`There is no dead letter ${number} among the newest`}>
          Letters are kept for a month; the command orderflow dlq knows older ones too.
        </Empty>
      ) : failure ? (
        <Failed error={failure} onRetry={() => void query.refetch()} />
      ) : (
        <DrawerSkeleton />
      )}
    </Drawer>
  );
}

function Contents({
  letter,
  onRedrive,
}: Omit<Props, "number" | "onClose"> & { letter: DeadLetter }) {
  const { service, topic, partition, offset, error, cause, at, key, obstacle, redriven } = letter;
  return (
    <div className="flex flex-col gap-5 p-4">
      <Callout tone="bad" title={error ?? "Of unknown cause"}>
        {cause}
      </Callout>
      <dl className="grid grid-cols-[5.5rem_1fr] gap-y-1.5 *:min-w-0 *:odd:text-muted">
        <dt>State</dt>
        <dd>
          <LetterState letter={letter} />
        </dd>
        <dt>Given up by</dt>
        <dd>{service ?? "unknown"}</dd>
        <dt>At</dt>
        <dd>{isTime(at) ? <Time at={at} /> : (at ?? "unknown")}</dd>
        <dt>Read from</dt>
        <dd>
          {topic === null || partition === null || offset === null ? (
            "unknown"
          ) : (
            <Link
              to={`/topics/${encodeURIComponent(topic)}?partition=${partition}&from=offset:${offset}&message=${partition}:${offset}`}
              title={`Partition ${partition}, offset ${offset}`}
              className="rounded font-mono text-xs leading-5 break-all text-accent"
            >
              {asPlace({ topic, partition, offset })}
            </Link>
          )}
        </dd>
        <dt>Key</dt>
        <dd>
          <Key value={key} />
        </dd>
        <OrderFact of={letter} />
      </dl>
      {obstacle ? (
        <Callout tone="calm">It cannot be redriven: it {obstacle}.</Callout>
      ) : (
        <div>
          <Button onClick={() => onRedrive(letter)}>
            {redriven.length > 0 ? "Redrive once more" : "Redrive"}
          </Button>
        </div>
      )}
      {redriven.length > 0 && (
        <section aria-label="Redrives">
          <h3 className="mb-1 text-xs font-medium text-muted">Redriven</h3>
          <ul className="mb-1">
            {redriven.map((each) => (
              <li key={each.at}>
                {isTime(each.at) ? <Time at={each.at} /> : each.at}{" "}
                <span className="text-muted">by {each.by}</span>
              </li>
            ))}
          </ul>
          <p className="text-muted">
            Had it failed again, there would be a newer letter.{" "}
            {key !== null && (
              <Link
                to={`/topics/dead-letters?state=all&text=${encodeURIComponent(key.slice(0, LONGEST))}`}
                className="rounded font-medium text-accent"
              >
                All letters of this key
              </Link>
            )}
          </p>
        </section>
      )}
      <Value of={letter} />
      <Headers headers={letter.headers} />
    </div>
  );
}
